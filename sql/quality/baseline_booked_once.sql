-- Grain: one row per period, department and account where Actual's BudgetAmount is not the baseline's Amount.
--
-- Only in the periods that Actual covers: elsewhere a budget has no Actual row to be booked on. None is a pass.
-- :actuals_through is the last period that Actual covers, 9999-12 without a setting.
-- Of the days :first_date_key to :last_date_key, whole periods, bound so that an engine finds their blocks.

WITH Cell AS (
    SELECT
        DimDate.YearMonth,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        FactFinancials.ScenarioKey,
        SUM(FactFinancials.Amount) AS Amount,
        SUM(FactFinancials.BudgetAmount) AS BudgetAmount
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    WHERE FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key
    GROUP BY DimDate.YearMonth, FactFinancials.DepartmentKey, FactFinancials.AccountKey, FactFinancials.ScenarioKey
),

CoveredPeriod AS (
    SELECT DISTINCT Cell.YearMonth
    FROM Cell
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = Cell.ScenarioKey
    WHERE DimScenario.ScenarioType = 'Actual' AND Cell.YearMonth <= :actuals_through
),

BookedOrPlanned AS (
    SELECT
        Cell.YearMonth,
        Cell.DepartmentKey,
        Cell.AccountKey,
        CASE WHEN DimScenario.ScenarioType = 'Actual' THEN Cell.BudgetAmount ELSE 0 END AS Booked,
        CASE WHEN DimScenario.IsBaseline THEN Cell.Amount ELSE 0 END AS Planned
    FROM Cell
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = Cell.ScenarioKey
    INNER JOIN CoveredPeriod ON CoveredPeriod.YearMonth = Cell.YearMonth
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
