-- Grain: one row per accounting period, department, account, scenario and reference, for monetary flows.
-- Columns to fix before summing: ScenarioName, ReferenceName, AccountType.
--
-- Any scenario against any other, and against itself twelve months before (Prior Year). A cell that only one side has
-- is there, with 0 on the other. Variance and Impact are NULL in a period that one side does not cover (see
-- ComparablePeriod), which means "not comparable", not zero; filter by IsCovered and IsComplete before adding periods.
-- An account or department whose classification changed has a row for each, with the amounts of its periods.
-- Impact is the effect on profit; NULL for accounts outside of profit.

CREATE OR REPLACE VIEW ScenarioComparison AS
WITH Side AS (
    SELECT
        ComparablePeriod.Period,
        ComparablePeriod.ScenarioName,
        ComparablePeriod.ReferenceName,
        ComparablePeriod.IsCovered,
        ComparablePeriod.IsComplete,
        PeriodAmount.DepartmentClassKey,
        PeriodAmount.AccountClassKey,
        PeriodAmount.Amount,
        CAST(0 AS DECIMAL(18, 2)) AS ReferenceAmount,
        1 AS HasLines,
        0 AS HasReferenceLines
    FROM PeriodAmount
    INNER JOIN ComparablePeriod
        ON ComparablePeriod.ScenarioKey = PeriodAmount.ScenarioKey AND ComparablePeriod.Period = PeriodAmount.Period
    WHERE PeriodAmount.IsMonetary AND PeriodAmount.Measure = 'flow'

    UNION ALL

    SELECT
        ComparablePeriod.Period,
        ComparablePeriod.ScenarioName,
        ComparablePeriod.ReferenceName,
        ComparablePeriod.IsCovered,
        ComparablePeriod.IsComplete,
        PeriodAmount.DepartmentClassKey,
        PeriodAmount.AccountClassKey,
        CAST(0 AS DECIMAL(18, 2)) AS Amount,
        PeriodAmount.Amount AS ReferenceAmount,
        0 AS HasLines,
        1 AS HasReferenceLines
    FROM PeriodAmount
    INNER JOIN ComparablePeriod
        ON
            ComparablePeriod.ReferenceKey = PeriodAmount.ScenarioKey
            AND ComparablePeriod.ReferencePeriod = PeriodAmount.Period
    WHERE PeriodAmount.IsMonetary AND PeriodAmount.Measure = 'flow'
),

Cell AS (
    SELECT
        Period,
        ScenarioName,
        ReferenceName,
        IsCovered,
        IsComplete,
        DepartmentClassKey,
        AccountClassKey,
        CAST(SUM(Amount) AS DECIMAL(38, 2)) AS Amount,
        CAST(SUM(ReferenceAmount) AS DECIMAL(38, 2)) AS ReferenceAmount,
        MAX(HasLines) AS HasLines,
        MAX(HasReferenceLines) AS HasReferenceLines
    FROM Side
    GROUP BY Period, ScenarioName, ReferenceName, IsCovered, IsComplete, DepartmentClassKey, AccountClassKey
)

SELECT
    Cell.Period,
    PeriodCalendar.FiscalYear,
    PeriodCalendar.FiscalQuarter,
    PeriodCalendar.FiscalPeriod,
    DepartmentClass.DepartmentKey,
    DepartmentClass.DepartmentCode,
    DepartmentClass.DepartmentName,
    DepartmentClass.BusinessUnit,
    AccountClass.AccountKey,
    AccountClass.AccountNumber,
    AccountClass.AccountName,
    AccountClass.AccountType,
    AccountClass.Category,
    AccountClass.ProfitSign,
    OwnLine.Section,
    OwnLine.Line,
    OwnLine.LineOrder,
    Cell.ScenarioName,
    Cell.ReferenceName,
    Cell.Amount,
    Cell.ReferenceAmount,
    CAST(CASE WHEN Cell.IsCovered THEN Cell.Amount - Cell.ReferenceAmount END AS DECIMAL(38, 2)) AS Variance,
    CAST(
        CASE
            WHEN NOT Cell.IsCovered THEN NULL
            WHEN AccountClass.ProfitSign = 1 THEN Cell.Amount - Cell.ReferenceAmount
            WHEN AccountClass.ProfitSign = -1 THEN Cell.ReferenceAmount - Cell.Amount
        END AS DECIMAL(38, 2)
    ) AS Impact,
    Cell.IsCovered,
    Cell.IsComplete,
    Cell.IsCovered AND Cell.HasReferenceLines = 0 AS IsUnbudgeted,
    Cell.IsCovered AND Cell.HasLines = 0 AS IsUnspent,
    Cell.DepartmentClassKey,
    Cell.AccountClassKey
FROM Cell
INNER JOIN PeriodCalendar ON PeriodCalendar.Period = Cell.Period
INNER JOIN DepartmentClass ON DepartmentClass.DepartmentClassKey = Cell.DepartmentClassKey
INNER JOIN AccountClass ON AccountClass.AccountClassKey = Cell.AccountClassKey
LEFT JOIN StatementLine AS OwnLine ON OwnLine.AccountClassKey = Cell.AccountClassKey AND NOT OwnLine.IsSubtotal;
