-- Grain: one row per as-of period, horizon, department, account, scenario and reference, for accounts of CapEx.
-- Columns to fix before summing: AsOfPeriod, Horizon, ScenarioName, ReferenceName.
--
-- VarianceByHorizon of Asset accounts in the category CapEx; more than planned is unfavourable.

CREATE OR REPLACE VIEW CapExVsPlan AS
SELECT
    VarianceByHorizon.AsOfPeriod,
    VarianceByHorizon.FiscalYear,
    VarianceByHorizon.Horizon,
    VarianceByHorizon.HorizonOrder,
    VarianceByHorizon.DepartmentKey,
    VarianceByHorizon.DepartmentCode,
    VarianceByHorizon.DepartmentName,
    VarianceByHorizon.BusinessUnit,
    VarianceByHorizon.AccountKey,
    VarianceByHorizon.AccountNumber,
    VarianceByHorizon.AccountName,
    VarianceByHorizon.ScenarioName,
    VarianceByHorizon.ReferenceName,
    VarianceByHorizon.Amount,
    VarianceByHorizon.ReferenceAmount,
    VarianceByHorizon.ComparedAmount,
    VarianceByHorizon.ComparedReference,
    VarianceByHorizon.Variance AS OverPlan,
    VarianceByHorizon.Periods,
    VarianceByHorizon.OutlookPeriods,
    VarianceByHorizon.ComparedPeriods,
    VarianceByHorizon.IsComplete,
    VarianceByHorizon.DepartmentClassKey,
    VarianceByHorizon.AccountClassKey
FROM VarianceByHorizon
WHERE VarianceByHorizon.AccountType = 'Asset' AND LOWER(VarianceByHorizon.Category) = 'capex';
