-- Grain: one row per accounting period, department and account, for monetary flows.
-- Columns to fix before summing: FiscalYear, AccountType.
--
-- A fiscal year as expected: actuals of complete periods, then the scenario that OutlookSource names. An incomplete
-- period is taken from the plan as a whole, not added to it.

CREATE OR REPLACE VIEW Outlook AS
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
    PeriodAmount.AccountType,
    PeriodAmount.Category,
    PeriodAmount.ProfitSign,
    PeriodAmount.Section,
    PeriodAmount.Line,
    PeriodAmount.LineOrder,
    OutlookSource.Source,
    OutlookSource.ScenarioName,
    CAST(PeriodAmount.Amount AS DECIMAL(38, 2)) AS Amount
FROM PeriodAmount
INNER JOIN OutlookSource
    ON OutlookSource.ScenarioKey = PeriodAmount.ScenarioKey AND OutlookSource.Period = PeriodAmount.Period
WHERE PeriodAmount.IsMonetary AND PeriodAmount.Measure = 'flow';
