-- Grain: one row per forecast, complete accounting period, department and account with a forecast or actuals.
-- Columns to fix before summing: ForecastName, AccountType.
--
-- The sum of ForecastError shows a bias, that of AbsoluteError the accuracy. MonthsAhead counts from the month at the
-- end of the forecast's name: Forecast 2025-06 is three months ahead of 2025-09.

CREATE OR REPLACE VIEW ForecastAccuracy AS
WITH CalendarMonth AS (
    SELECT DISTINCT YearMonth, Year * 12 + Month AS MonthNumber
    FROM DimDate
)

SELECT
    ScenarioComparison.ReferenceName AS ForecastName,
    ScenarioComparison.Period,
    ScenarioComparison.FiscalYear,
    ScenarioComparison.FiscalQuarter,
    ScenarioComparison.FiscalPeriod,
    CAST(ThisMonth.MonthNumber - NamedMonth.MonthNumber AS INTEGER) AS MonthsAhead,
    ScenarioComparison.DepartmentKey,
    ScenarioComparison.DepartmentCode,
    ScenarioComparison.DepartmentName,
    ScenarioComparison.BusinessUnit,
    ScenarioComparison.AccountKey,
    ScenarioComparison.AccountNumber,
    ScenarioComparison.AccountName,
    ScenarioComparison.AccountType,
    ScenarioComparison.Category,
    ScenarioComparison.ProfitSign,
    ScenarioComparison.Section,
    ScenarioComparison.Line,
    ScenarioComparison.LineOrder,
    ScenarioComparison.ReferenceAmount AS Forecast,
    ScenarioComparison.Amount AS Actual,
    ScenarioComparison.Variance AS ForecastError,
    CAST(ABS(ScenarioComparison.Variance) AS DECIMAL(38, 2)) AS AbsoluteError
FROM ScenarioComparison
INNER JOIN DimScenario AS Scenario ON Scenario.ScenarioName = ScenarioComparison.ScenarioName
INNER JOIN DimScenario AS Forecast ON Forecast.ScenarioName = ScenarioComparison.ReferenceName
INNER JOIN CalendarMonth AS ThisMonth ON ThisMonth.YearMonth = ScenarioComparison.Period
LEFT JOIN CalendarMonth AS NamedMonth ON NamedMonth.YearMonth = RIGHT(ScenarioComparison.ReferenceName, 7)
WHERE
    Scenario.ScenarioType = 'Actual'
    AND Forecast.ScenarioType = 'Forecast'
    AND ScenarioComparison.IsCovered
    AND ScenarioComparison.IsComplete;
