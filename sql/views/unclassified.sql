-- Grain: one row per accounting period, department, account without a type, and scenario, for monetary flows.
-- Columns to fix before summing: ScenarioName.
--
-- Money that is neither revenue nor expense until the accounts file has a type for its account.

CREATE OR REPLACE VIEW Unclassified AS
SELECT
    PeriodAmount.Period,
    PeriodAmount.FiscalYear,
    PeriodAmount.FiscalQuarter,
    PeriodAmount.FiscalPeriod,
    PeriodAmount.DepartmentKey,
    PeriodAmount.DepartmentCode,
    PeriodAmount.DepartmentName,
    PeriodAmount.BusinessUnit,
    PeriodAmount.AccountKey,
    PeriodAmount.AccountNumber,
    PeriodAmount.AccountName,
    PeriodAmount.ScenarioName,
    PeriodAmount.ScenarioType,
    PeriodAmount.IsBaseline,
    PeriodAmount.Amount,
    PeriodAmount.TransactionCount,
    PeriodAmount.IsComplete
FROM PeriodAmount
WHERE PeriodAmount.AccountType = 'Unknown' AND PeriodAmount.IsMonetary AND PeriodAmount.Measure = 'flow';
