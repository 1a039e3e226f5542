-- Grain: one cell (measure, scenario, period, department, account) that this load may move, with old and new amount.
--
-- Covers replaced and removed periods, and reclassified members in every period. Old rows are in FactFinancials, new
-- ones in its stage; a period that is not loaded keeps its rows, so old and new are equal.
-- First publications are left out: a measure of a scenario in a period was published before if it has rows there (for
-- BudgetAmount: a budget is booked there), or if Movements has rows of it.
-- The period is derived from DateKey, as everywhere in a load: a day need not be in DimDate yet.
-- Members are joined instead of using IN: a subquery inside an OR cannot become a join, and Redshift's compute nodes
-- run no other kind.

INSERT INTO StageCell (Measure, Period, ScenarioKey, DepartmentKey, AccountKey, OldAmount, NewAmount)
WITH ReclassifiedDepartment AS (
    SELECT DISTINCT DepartmentKey
    FROM StageReclassification
    WHERE DepartmentKey IS NOT NULL
),

ReclassifiedAccount AS (
    SELECT DISTINCT AccountKey
    FROM StageReclassification
    WHERE AccountKey IS NOT NULL
),

ConcernedRow AS (
    SELECT
        CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER) AS PeriodNumber,
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        FactFinancials.Amount AS OldAmount,
        FactFinancials.BudgetAmount AS OldBudgetAmount,
        CASE WHEN StageSlice.IsLoaded THEN CAST(0 AS DECIMAL(18, 2)) ELSE FactFinancials.Amount END AS NewAmount,
        CASE
            WHEN StageSlice.IsLoaded THEN CAST(0 AS DECIMAL(18, 2)) ELSE FactFinancials.BudgetAmount
        END AS NewBudgetAmount,
        1 AS IsOld
    FROM FactFinancials
    LEFT JOIN StageSlice
        ON StageSlice.PeriodNumber = CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER)
    LEFT JOIN ReclassifiedDepartment ON ReclassifiedDepartment.DepartmentKey = FactFinancials.DepartmentKey
    LEFT JOIN ReclassifiedAccount ON ReclassifiedAccount.AccountKey = FactFinancials.AccountKey
    WHERE
        StageSlice.IsLoaded
        OR ReclassifiedDepartment.DepartmentKey IS NOT NULL
        OR ReclassifiedAccount.AccountKey IS NOT NULL

    UNION ALL

    SELECT
        CAST(DateKey AS INTEGER) / CAST(100 AS INTEGER) AS PeriodNumber,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        CAST(0 AS DECIMAL(18, 2)) AS OldAmount,
        CAST(0 AS DECIMAL(18, 2)) AS OldBudgetAmount,
        Amount AS NewAmount,
        BudgetAmount AS NewBudgetAmount,
        0 AS IsOld
    FROM StageFactFinancials
),

ConcernedCell AS (
    SELECT
        PeriodNumber,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        SUM(OldAmount) AS OldAmount,
        SUM(NewAmount) AS NewAmount,
        SUM(OldBudgetAmount) AS OldBudgetAmount,
        SUM(NewBudgetAmount) AS NewBudgetAmount,
        MAX(IsOld) AS HadRows,
        MAX(CASE WHEN OldBudgetAmount <> 0 THEN 1 ELSE 0 END) AS HadBudget
    FROM ConcernedRow
    GROUP BY PeriodNumber, ScenarioKey, DepartmentKey, AccountKey
),

MeasuredCell AS (
    SELECT
        'Amount' AS Measure,
        SUBSTRING(CAST(PeriodNumber AS VARCHAR(6)), 1, 4) || '-' || SUBSTRING(CAST(PeriodNumber AS VARCHAR(6)), 5, 2)
            AS Period,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        OldAmount,
        NewAmount,
        HadRows AS WasThere
    FROM ConcernedCell

    UNION ALL

    SELECT
        'BudgetAmount' AS Measure,
        SUBSTRING(CAST(PeriodNumber AS VARCHAR(6)), 1, 4) || '-' || SUBSTRING(CAST(PeriodNumber AS VARCHAR(6)), 5, 2)
            AS Period,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        OldBudgetAmount AS OldAmount,
        NewBudgetAmount AS NewAmount,
        HadBudget AS WasThere
    FROM ConcernedCell
),

PublishedBefore AS (
    SELECT Measure, Period, ScenarioKey
    FROM MeasuredCell
    WHERE WasThere = 1

    UNION

    SELECT Measure, Period, ScenarioKey
    FROM Movements
)

SELECT
    MeasuredCell.Measure,
    MeasuredCell.Period,
    MeasuredCell.ScenarioKey,
    MeasuredCell.DepartmentKey,
    MeasuredCell.AccountKey,
    CAST(MeasuredCell.OldAmount AS DECIMAL(18, 2)) AS OldAmount,
    CAST(MeasuredCell.NewAmount AS DECIMAL(18, 2)) AS NewAmount
FROM MeasuredCell
INNER JOIN PublishedBefore
    ON PublishedBefore.Measure = MeasuredCell.Measure
    AND PublishedBefore.Period = MeasuredCell.Period
    AND PublishedBefore.ScenarioKey = MeasuredCell.ScenarioKey
WHERE MeasuredCell.OldAmount <> 0 OR MeasuredCell.NewAmount <> 0;
