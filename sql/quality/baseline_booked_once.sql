-- Grain: one row per period, department and account where Actual's BudgetAmount is not the baseline's Amount.
--
-- Only in the periods that Actual covers: elsewhere a budget has no Actual row to be booked on. None is a pass.
-- :actuals_through is the last period that Actual covers, 9999-12 without a setting.
-- Of the days :first_date_key to :last_date_key, whole periods, bound so that an engine finds their blocks.

WITH CoveredPeriod AS (
    SELECT DISTINCT DimDate.YearMonth
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
    WHERE
        FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key
        AND DimScenario.ScenarioType = 'Actual'
        AND DimDate.YearMonth <= :actuals_through
),

BookedOrPlanned AS (
    SELECT
        DimDate.YearMonth,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        CASE WHEN DimScenario.ScenarioType = 'Actual' THEN FactFinancials.BudgetAmount ELSE 0 END AS Booked,
        CASE WHEN DimScenario.IsBaseline THEN FactFinancials.Amount ELSE 0 END AS Planned
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
    INNER JOIN CoveredPeriod ON CoveredPeriod.YearMonth = DimDate.YearMonth
    WHERE
        FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key
        -- Most facts have neither, and would be grouped in vain.
        AND (FactFinancials.BudgetAmount <> 0 OR DimScenario.IsBaseline)
)

SELECT
    YearMonth AS Period,
    DepartmentKey,
    AccountKey,
    CAST(SUM(Booked) AS DECIMAL(38, 2)) AS BookedBudget,
    CAST(SUM(Planned) AS DECIMAL(38, 2)) AS PlannedBudget
FROM BookedOrPlanned
GROUP BY YearMonth, DepartmentKey, AccountKey
HAVING SUM(Booked) <> SUM(Planned)
ORDER BY YearMonth, DepartmentKey, AccountKey;
