-- Grain: one cell (measure, scenario, period, department, account) that this load may move, with old and new amount.
--
-- Covers replaced and removed periods, and the cells of members and periods whose attributes change. Old amounts are in
-- StagePublishedCell, new ones in the stage of FactFinancials; a period that is not loaded keeps its rows, so old and
-- new are equal. FactFinancials itself is not read here: see stage_replaced_cells.sql.
-- First publications of a period are left out: it was published before if LoadLedger names it, also without lines, as it
-- may have been signed. IsFirst marks the amounts of a measure of a scenario in such a period of which the fact table has
-- none (for BudgetAmount: a budget booked there); whether Movements has any is looked up for these only (see
-- stage_earlier_measures.sql).
-- A cell without money in either measure, or with another number of lines, is kept as Amount: its lines entered or left.
-- The period is derived from DateKey, as everywhere in a load: a day need not be in DimDate yet.

INSERT INTO StageCell (
    Measure, Period, ScenarioKey, DepartmentKey, AccountKey, OldAmount, NewAmount, OldCount, NewCount, HadLines,
    HasLines, HasMoney, IsFirst
)
WITH ConcernedRow AS (
    SELECT
        PeriodNumber,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        OldAmount,
        OldBudgetAmount,
        CASE WHEN IsLoaded THEN CAST(0 AS DECIMAL(18, 2)) ELSE OldAmount END AS NewAmount,
        CASE WHEN IsLoaded THEN CAST(0 AS DECIMAL(18, 2)) ELSE OldBudgetAmount END AS NewBudgetAmount,
        OldCount,
        CASE WHEN IsLoaded THEN 0 ELSE OldCount END AS NewCount,
        1 AS IsOld,
        CASE WHEN IsLoaded THEN 0 ELSE 1 END AS IsNew,
        HadBudget
    FROM StagePublishedCell

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
        0 AS OldCount,
        TransactionCount AS NewCount,
        0 AS IsOld,
        1 AS IsNew,
        0 AS HadBudget
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
        SUM(OldCount) AS OldCount,
        SUM(NewCount) AS NewCount,
        MAX(IsOld) AS HadLines,
        MAX(IsNew) AS HasLines,
        MAX(HadBudget) AS HadBudget
    FROM ConcernedRow
    GROUP BY PeriodNumber, ScenarioKey, DepartmentKey, AccountKey
),

NamedCell AS (
    SELECT
        SUBSTRING(CAST(PeriodNumber AS VARCHAR(6)), 1, 4) || '-' || SUBSTRING(CAST(PeriodNumber AS VARCHAR(6)), 5, 2)
            AS Period,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        OldAmount,
        NewAmount,
        OldBudgetAmount,
        NewBudgetAmount,
        OldCount,
        NewCount,
        HadLines,
        HasLines,
        HadBudget,
        OldAmount <> 0 OR NewAmount <> 0 OR OldBudgetAmount <> 0 OR NewBudgetAmount <> 0 AS HasMoney
    FROM ConcernedCell
),

MeasuredCell AS (
    SELECT
        CAST('Amount' AS VARCHAR(12)) AS Measure,
        Period,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        OldAmount,
        NewAmount,
        OldCount,
        NewCount,
        HadLines,
        HasLines,
        HasMoney,
        HadLines AS WasThere
    FROM NamedCell

    UNION ALL

    SELECT
        CAST('BudgetAmount' AS VARCHAR(12)) AS Measure,
        Period,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        OldBudgetAmount AS OldAmount,
        NewBudgetAmount AS NewAmount,
        0 AS OldCount,
        0 AS NewCount,
        HadLines,
        HasLines,
        HasMoney,
        HadBudget AS WasThere
    FROM NamedCell
),

PublishedPeriod AS (
    SELECT DISTINCT Slice AS Period
    FROM LoadLedger
    WHERE TableName = 'FactFinancials' AND NOT IsRemoved
),

PublishedMeasure AS (
    SELECT DISTINCT Measure, Period, ScenarioKey
    FROM MeasuredCell
    WHERE WasThere = 1
)

SELECT
    MeasuredCell.Measure,
    MeasuredCell.Period,
    MeasuredCell.ScenarioKey,
    MeasuredCell.DepartmentKey,
    MeasuredCell.AccountKey,
    CAST(MeasuredCell.OldAmount AS DECIMAL(18, 2)) AS OldAmount,
    CAST(MeasuredCell.NewAmount AS DECIMAL(18, 2)) AS NewAmount,
    CAST(MeasuredCell.OldCount AS BIGINT) AS OldCount,
    CAST(MeasuredCell.NewCount AS BIGINT) AS NewCount,
    MeasuredCell.HadLines = 1 AS HadLines,
    MeasuredCell.HasLines = 1 AS HasLines,
    MeasuredCell.HasMoney,
    PublishedMeasure.Period IS NULL AS IsFirst
FROM MeasuredCell
INNER JOIN PublishedPeriod ON PublishedPeriod.Period = MeasuredCell.Period
LEFT JOIN PublishedMeasure
    ON PublishedMeasure.Measure = MeasuredCell.Measure
    AND PublishedMeasure.Period = MeasuredCell.Period
    AND PublishedMeasure.ScenarioKey = MeasuredCell.ScenarioKey
WHERE
    MeasuredCell.OldAmount <> 0
    OR MeasuredCell.NewAmount <> 0
    OR MeasuredCell.OldCount <> MeasuredCell.NewCount
    OR (MeasuredCell.Measure = 'Amount' AND NOT MeasuredCell.HasMoney);
