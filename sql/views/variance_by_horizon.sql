-- Grain: one row per as-of period, horizon, department, account, scenario and reference, for monetary flows.
-- Columns to fix before summing: AsOfPeriod, Horizon, ScenarioName, ReferenceName, AccountType.
--
-- HorizonPeriod has the periods of each horizon. Amount and ReferenceAmount have all of them; ComparedAmount,
-- ComparedReference, Variance and Impact only those that both cover, so that a gap in a plan is not a variance.
-- An account or department whose classification changed has a row for each, with the amounts of its periods.
-- Amount is NULL if the scenario has no period of the horizon, Variance if no period is compared.
-- The amounts, and the periods of horizons, are parts of this query and not joined as views: planning and computing what
-- both sides and Span (the counts of HorizonSpan) have in common takes a third longer otherwise.

CREATE OR REPLACE VIEW VarianceByHorizon AS
WITH FlowAmount AS (
    SELECT Period, ScenarioKey, DepartmentClassKey, AccountClassKey, Amount
    FROM PeriodAmount
    WHERE IsMonetary AND Measure = 'flow'
),

HorizonOfPeriod AS (
    SELECT
        AsOfPeriod,
        FiscalYear,
        Horizon,
        HorizonOrder,
        ScenarioName,
        ReferenceName,
        Period,
        ReferencePeriod,
        AmountKey,
        ReferenceAmountKey,
        IsOutlook,
        IsCompared,
        IsComplete
    FROM HorizonPeriod
),

Span AS (
    SELECT
        AsOfPeriod,
        FiscalYear,
        Horizon,
        HorizonOrder,
        ScenarioName,
        ReferenceName,
        CAST(COUNT(AmountKey) AS INTEGER) AS Periods,
        CAST(SUM(CASE WHEN IsOutlook THEN 1 ELSE 0 END) AS INTEGER) AS OutlookPeriods,
        CAST(COUNT(ReferenceAmountKey) AS INTEGER) AS ReferencePeriods,
        CAST(SUM(CASE WHEN IsCompared THEN 1 ELSE 0 END) AS INTEGER) AS ComparedPeriods,
        MIN(CASE WHEN IsComplete THEN 1 ELSE 0 END) = 1 AS IsComplete
    FROM HorizonOfPeriod
    GROUP BY AsOfPeriod, FiscalYear, Horizon, HorizonOrder, ScenarioName, ReferenceName
),

Side AS (
    SELECT
        HorizonOfPeriod.AsOfPeriod,
        HorizonOfPeriod.Horizon,
        HorizonOfPeriod.ScenarioName,
        HorizonOfPeriod.ReferenceName,
        HorizonOfPeriod.IsCompared,
        FlowAmount.DepartmentClassKey,
        FlowAmount.AccountClassKey,
        FlowAmount.Amount,
        CAST(0 AS DECIMAL(18, 2)) AS ReferenceAmount
    FROM FlowAmount
    INNER JOIN HorizonOfPeriod
        ON HorizonOfPeriod.AmountKey = FlowAmount.ScenarioKey AND HorizonOfPeriod.Period = FlowAmount.Period

    UNION ALL

    SELECT
        HorizonOfPeriod.AsOfPeriod,
        HorizonOfPeriod.Horizon,
        HorizonOfPeriod.ScenarioName,
        HorizonOfPeriod.ReferenceName,
        HorizonOfPeriod.IsCompared,
        FlowAmount.DepartmentClassKey,
        FlowAmount.AccountClassKey,
        CAST(0 AS DECIMAL(18, 2)) AS Amount,
        FlowAmount.Amount AS ReferenceAmount
    FROM FlowAmount
    INNER JOIN HorizonOfPeriod
        ON
            HorizonOfPeriod.ReferenceAmountKey = FlowAmount.ScenarioKey
            AND HorizonOfPeriod.ReferencePeriod = FlowAmount.Period
),

Cell AS (
    SELECT
        AsOfPeriod,
        Horizon,
        ScenarioName,
        ReferenceName,
        DepartmentClassKey,
        AccountClassKey,
        SUM(Amount) AS Amount,
        SUM(ReferenceAmount) AS ReferenceAmount,
        SUM(CASE WHEN IsCompared THEN Amount ELSE 0 END) AS ComparedAmount,
        SUM(CASE WHEN IsCompared THEN ReferenceAmount ELSE 0 END) AS ComparedReference
    FROM Side
    GROUP BY AsOfPeriod, Horizon, ScenarioName, ReferenceName, DepartmentClassKey, AccountClassKey
)

SELECT
    Cell.AsOfPeriod,
    Span.FiscalYear,
    Cell.Horizon,
    Span.HorizonOrder,
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
    CAST(CASE WHEN Span.Periods > 0 THEN Cell.Amount END AS DECIMAL(38, 2)) AS Amount,
    CAST(CASE WHEN Span.ReferencePeriods > 0 THEN Cell.ReferenceAmount END AS DECIMAL(38, 2)) AS ReferenceAmount,
    CAST(CASE WHEN Span.ComparedPeriods > 0 THEN Cell.ComparedAmount END AS DECIMAL(38, 2)) AS ComparedAmount,
    CAST(
        CASE WHEN Span.ComparedPeriods > 0 THEN Cell.ComparedReference END AS DECIMAL(38, 2)
    ) AS ComparedReference,
    CAST(
        CASE WHEN Span.ComparedPeriods > 0 THEN Cell.ComparedAmount - Cell.ComparedReference END
        AS DECIMAL(38, 2)
    ) AS Variance,
    CAST(
        CASE
            WHEN Span.ComparedPeriods = 0 THEN NULL
            WHEN AccountClass.ProfitSign = 1 THEN Cell.ComparedAmount - Cell.ComparedReference
            WHEN AccountClass.ProfitSign = -1 THEN Cell.ComparedReference - Cell.ComparedAmount
        END AS DECIMAL(38, 2)
    ) AS Impact,
    Span.Periods,
    Span.OutlookPeriods,
    Span.ComparedPeriods,
    Span.IsComplete,
    Cell.DepartmentClassKey,
    Cell.AccountClassKey
FROM Cell
INNER JOIN Span
    ON
        Span.AsOfPeriod = Cell.AsOfPeriod
        AND Span.Horizon = Cell.Horizon
        AND Span.ScenarioName = Cell.ScenarioName
        AND Span.ReferenceName = Cell.ReferenceName
INNER JOIN DepartmentClass ON DepartmentClass.DepartmentClassKey = Cell.DepartmentClassKey
INNER JOIN AccountClass ON AccountClass.AccountClassKey = Cell.AccountClassKey
LEFT JOIN StatementLine AS OwnLine ON OwnLine.AccountClassKey = Cell.AccountClassKey AND NOT OwnLine.IsSubtotal;
