-- Grain: one row per as-of period, horizon, business unit, line of the statement, scenario and reference.
-- Columns to fix before summing: AsOfPeriod, Horizon, LineOrder, ScenarioName, ReferenceName.
--
-- VarianceByHorizon on the lines of the statement; subtotals are lines too. Costs are positive; subtotals, and lines of
-- the section Non-operating, are effects on profit. Impact is favourable if it is positive, on every line.
-- Facts are summed by unit and line, before periods of horizons multiply them: with many accounts, cells of accounts and
-- departments are nearly as many as facts. A subtotal has the profit of the lines above it.

CREATE OR REPLACE VIEW ProfitAndLossByHorizon AS
WITH LineAmount AS (
    SELECT
        DimDate.YearMonth AS Period,
        FactFinancials.ScenarioKey,
        DepartmentSpan.BusinessUnit,
        OwnLine.LineOrder,
        OwnLine.Factor * OwnLine.LineSign AS ProfitSign,
        SUM(FactFinancials.Amount) AS Amount
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    INNER JOIN DepartmentSpan
        ON
            DepartmentSpan.DepartmentKey = FactFinancials.DepartmentKey
            AND DimDate.YearMonth BETWEEN DepartmentSpan.ValidFrom AND DepartmentSpan.ValidTo
    INNER JOIN AccountSpan
        ON
            AccountSpan.AccountKey = FactFinancials.AccountKey
            AND DimDate.YearMonth BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
    INNER JOIN StatementLine AS OwnLine
        ON OwnLine.AccountClassKey = AccountSpan.AccountClassKey AND NOT OwnLine.IsSubtotal
    WHERE FactFinancials.TransactionCount > 0
    GROUP BY
        DimDate.YearMonth,
        FactFinancials.ScenarioKey,
        DepartmentSpan.BusinessUnit,
        OwnLine.LineOrder,
        OwnLine.Factor * OwnLine.LineSign
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
        LineAmount.BusinessUnit,
        LineAmount.LineOrder,
        LineAmount.Amount * LineAmount.ProfitSign AS Profit,
        CAST(0 AS DECIMAL(38, 2)) AS ReferenceProfit
    FROM LineAmount
    INNER JOIN HorizonOfPeriod
        ON HorizonOfPeriod.AmountKey = LineAmount.ScenarioKey AND HorizonOfPeriod.Period = LineAmount.Period

    UNION ALL

    SELECT
        HorizonOfPeriod.AsOfPeriod,
        HorizonOfPeriod.Horizon,
        HorizonOfPeriod.ScenarioName,
        HorizonOfPeriod.ReferenceName,
        HorizonOfPeriod.IsCompared,
        LineAmount.BusinessUnit,
        LineAmount.LineOrder,
        CAST(0 AS DECIMAL(38, 2)) AS Profit,
        LineAmount.Amount * LineAmount.ProfitSign AS ReferenceProfit
    FROM LineAmount
    INNER JOIN HorizonOfPeriod
        ON
            HorizonOfPeriod.ReferenceAmountKey = LineAmount.ScenarioKey
            AND HorizonOfPeriod.ReferencePeriod = LineAmount.Period
),

LineSum AS (
    SELECT
        AsOfPeriod,
        Horizon,
        ScenarioName,
        ReferenceName,
        BusinessUnit,
        LineOrder,
        SUM(Profit) AS Profit,
        SUM(ReferenceProfit) AS ReferenceProfit,
        SUM(CASE WHEN IsCompared THEN Profit ELSE 0 END) AS ComparedProfit,
        SUM(CASE WHEN IsCompared THEN ReferenceProfit ELSE 0 END) AS ComparedReference
    FROM Side
    GROUP BY AsOfPeriod, Horizon, ScenarioName, ReferenceName, BusinessUnit, LineOrder
),

ShownLine AS (
    SELECT DISTINCT LineOrder, Section, Line, IsSubtotal, LineSign FROM StatementLine
)

SELECT
    LineSum.AsOfPeriod,
    Span.FiscalYear,
    LineSum.Horizon,
    Span.HorizonOrder,
    LineSum.BusinessUnit,
    ShownLine.LineOrder,
    ShownLine.Section,
    ShownLine.Line,
    ShownLine.IsSubtotal,
    ShownLine.LineSign,
    LineSum.ScenarioName,
    LineSum.ReferenceName,
    CAST(SUM(CASE WHEN Span.Periods > 0 THEN LineSum.Profit * ShownLine.LineSign END) AS DECIMAL(38, 2)) AS Amount,
    CAST(
        SUM(CASE WHEN Span.ReferencePeriods > 0 THEN LineSum.ReferenceProfit * ShownLine.LineSign END)
        AS DECIMAL(38, 2)
    ) AS ReferenceAmount,
    CAST(
        SUM(CASE WHEN Span.ComparedPeriods > 0 THEN LineSum.ComparedProfit * ShownLine.LineSign END)
        AS DECIMAL(38, 2)
    ) AS ComparedAmount,
    CAST(
        SUM(CASE WHEN Span.ComparedPeriods > 0 THEN LineSum.ComparedReference * ShownLine.LineSign END)
        AS DECIMAL(38, 2)
    ) AS ComparedReference,
    CAST(
        SUM(
            CASE
                WHEN Span.ComparedPeriods > 0
                    THEN (LineSum.ComparedProfit - LineSum.ComparedReference) * ShownLine.LineSign
            END
        ) AS DECIMAL(38, 2)
    ) AS Variance,
    CAST(
        SUM(CASE WHEN Span.ComparedPeriods > 0 THEN LineSum.ComparedProfit - LineSum.ComparedReference END)
        AS DECIMAL(38, 2)
    ) AS Impact,
    Span.Periods,
    Span.OutlookPeriods,
    Span.ComparedPeriods,
    Span.IsComplete
FROM LineSum
INNER JOIN Span
    ON
        Span.AsOfPeriod = LineSum.AsOfPeriod
        AND Span.Horizon = LineSum.Horizon
        AND Span.ScenarioName = LineSum.ScenarioName
        AND Span.ReferenceName = LineSum.ReferenceName
INNER JOIN ShownLine
    ON
        ShownLine.LineOrder = LineSum.LineOrder
        OR (ShownLine.IsSubtotal AND ShownLine.LineOrder > LineSum.LineOrder)
GROUP BY
    LineSum.AsOfPeriod,
    Span.FiscalYear,
    LineSum.Horizon,
    Span.HorizonOrder,
    LineSum.BusinessUnit,
    ShownLine.LineOrder,
    ShownLine.Section,
    ShownLine.Line,
    ShownLine.IsSubtotal,
    ShownLine.LineSign,
    LineSum.ScenarioName,
    LineSum.ReferenceName,
    Span.Periods,
    Span.OutlookPeriods,
    Span.ComparedPeriods,
    Span.IsComplete;
