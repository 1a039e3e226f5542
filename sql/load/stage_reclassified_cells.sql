-- Grain: one cell (scenario, period, department, account) that has another attribute after this load.
--
-- An attribute of its members or of its period; in a period that the load does not replace. Runs only in a load that
-- changes an attribute, and reads every period: the money of a member may be in each. One branch for each kind of key; a
-- cell that two of them find has the same sums in both, and UNION keeps one.

INSERT INTO StagePublishedCell (
    PeriodNumber, ScenarioKey, DepartmentKey, AccountKey, IsLoaded, OldAmount, OldBudgetAmount, OldCount, HadBudget
)
WITH ChangedPeriod AS (
    SELECT DISTINCT CAST(SUBSTRING(Period, 1, 4) || SUBSTRING(Period, 6, 2) AS INTEGER) AS PeriodNumber
    FROM StageReclassification
    WHERE Period IS NOT NULL
),

ChangedScenario AS (
    SELECT DISTINCT ScenarioKey
    FROM StageReclassification
    WHERE ScenarioKey IS NOT NULL
),

ChangedDepartment AS (
    SELECT DISTINCT DepartmentKey
    FROM StageReclassification
    WHERE DepartmentKey IS NOT NULL
),

ChangedAccount AS (
    SELECT DISTINCT AccountKey
    FROM StageReclassification
    WHERE AccountKey IS NOT NULL
),

LoadedPeriod AS (
    SELECT PeriodNumber
    FROM StageSlice
    WHERE IsLoaded AND PeriodNumber IS NOT NULL
),

ConcernedCell AS (
    SELECT
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER) AS PeriodNumber,
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        SUM(FactFinancials.Amount) AS OldAmount,
        SUM(FactFinancials.BudgetAmount) AS OldBudgetAmount,
        SUM(FactFinancials.TransactionCount) AS OldCount,
        MAX(CASE WHEN FactFinancials.BudgetAmount <> 0 THEN 1 ELSE 0 END) AS HadBudget
    FROM FactFinancials
    INNER JOIN ChangedPeriod
        ON ChangedPeriod.PeriodNumber = CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER)
    GROUP BY
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER),
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey

    UNION

    SELECT
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER) AS PeriodNumber,
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        SUM(FactFinancials.Amount) AS OldAmount,
        SUM(FactFinancials.BudgetAmount) AS OldBudgetAmount,
        SUM(FactFinancials.TransactionCount) AS OldCount,
        MAX(CASE WHEN FactFinancials.BudgetAmount <> 0 THEN 1 ELSE 0 END) AS HadBudget
    FROM FactFinancials
    INNER JOIN ChangedScenario
        ON ChangedScenario.ScenarioKey = FactFinancials.ScenarioKey
    GROUP BY
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER),
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey

    UNION

    SELECT
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER) AS PeriodNumber,
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        SUM(FactFinancials.Amount) AS OldAmount,
        SUM(FactFinancials.BudgetAmount) AS OldBudgetAmount,
        SUM(FactFinancials.TransactionCount) AS OldCount,
        MAX(CASE WHEN FactFinancials.BudgetAmount <> 0 THEN 1 ELSE 0 END) AS HadBudget
    FROM FactFinancials
    INNER JOIN ChangedDepartment
        ON ChangedDepartment.DepartmentKey = FactFinancials.DepartmentKey
    GROUP BY
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER),
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey

    UNION

    SELECT
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER) AS PeriodNumber,
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        SUM(FactFinancials.Amount) AS OldAmount,
        SUM(FactFinancials.BudgetAmount) AS OldBudgetAmount,
        SUM(FactFinancials.TransactionCount) AS OldCount,
        MAX(CASE WHEN FactFinancials.BudgetAmount <> 0 THEN 1 ELSE 0 END) AS HadBudget
    FROM FactFinancials
    INNER JOIN ChangedAccount
        ON ChangedAccount.AccountKey = FactFinancials.AccountKey
    GROUP BY
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER),
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey
)

SELECT
    ConcernedCell.PeriodNumber,
    ConcernedCell.ScenarioKey,
    ConcernedCell.DepartmentKey,
    ConcernedCell.AccountKey,
    FALSE AS IsLoaded,
    CAST(ConcernedCell.OldAmount AS DECIMAL(18, 2)) AS OldAmount,
    CAST(ConcernedCell.OldBudgetAmount AS DECIMAL(18, 2)) AS OldBudgetAmount,
    CAST(ConcernedCell.OldCount AS BIGINT) AS OldCount,
    ConcernedCell.HadBudget
FROM ConcernedCell
LEFT JOIN LoadedPeriod ON LoadedPeriod.PeriodNumber = ConcernedCell.PeriodNumber
WHERE LoadedPeriod.PeriodNumber IS NULL;
