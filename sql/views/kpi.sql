-- Grain: one row per as-of period, horizon, business unit, key figure, scenario and reference.
-- Columns to fix before summing: AsOfPeriod, Horizon, KpiName, ScenarioName, ReferenceName.
--
-- Numerators and denominators can be summed over business units; divide afterwards. Gross margin is gross profit, Opex
-- ratio operating expense, Operating margin operating profit, each over net revenue. Profit is after unclassified
-- money, a cost. A figure is left out if the statement lacks its line: no gross margin without cost of sales.

CREATE OR REPLACE VIEW Kpi AS
WITH KeyFigure AS (
    SELECT
        CAST('Revenue' AS VARCHAR(32)) AS KpiName,
        1 AS KpiOrder,
        1 AS KpiSign,
        FALSE AS IsRatio,
        1999999 AS RequiredLine

    UNION ALL

    SELECT
        CAST('Gross margin' AS VARCHAR(32)) AS KpiName,
        2 AS KpiOrder,
        1 AS KpiSign,
        TRUE AS IsRatio,
        2999999 AS RequiredLine

    UNION ALL

    SELECT
        CAST('Opex ratio' AS VARCHAR(32)) AS KpiName,
        3 AS KpiOrder,
        -1 AS KpiSign,
        TRUE AS IsRatio,
        1999999 AS RequiredLine

    UNION ALL

    SELECT
        CAST('Operating profit' AS VARCHAR(32)) AS KpiName,
        4 AS KpiOrder,
        1 AS KpiSign,
        FALSE AS IsRatio,
        3999999 AS RequiredLine

    UNION ALL

    SELECT
        CAST('Operating margin' AS VARCHAR(32)) AS KpiName,
        5 AS KpiOrder,
        1 AS KpiSign,
        TRUE AS IsRatio,
        1999999 AS RequiredLine

    UNION ALL

    SELECT
        CAST('Profit' AS VARCHAR(32)) AS KpiName,
        6 AS KpiOrder,
        1 AS KpiSign,
        FALSE AS IsRatio,
        3999999 AS RequiredLine
),

StatedFigure AS (
    SELECT DISTINCT KeyFigure.KpiName, KeyFigure.KpiOrder, KeyFigure.KpiSign, KeyFigure.IsRatio
    FROM KeyFigure
    INNER JOIN StatementLine ON StatementLine.LineOrder = KeyFigure.RequiredLine
),

Figure AS (
    SELECT
        AsOfPeriod,
        FiscalYear,
        Horizon,
        HorizonOrder,
        BusinessUnit,
        ScenarioName,
        ReferenceName,
        Periods,
        OutlookPeriods,
        ComparedPeriods,
        IsComplete,
        SUM(CASE WHEN Section = 'Revenue' THEN Amount END) AS Revenue,
        SUM(CASE WHEN Section IN ('Revenue', 'Cost of Sales') THEN Amount * LineSign END) AS GrossProfit,
        SUM(CASE WHEN Section = 'Operating Expense' THEN Amount END) AS OperatingExpense,
        SUM(
            CASE WHEN Section IN ('Revenue', 'Cost of Sales', 'Operating Expense') THEN Amount * LineSign END
        ) AS OperatingProfit,
        SUM(Amount * LineSign) AS Profit,
        SUM(CASE WHEN Section = 'Revenue' THEN ComparedAmount END) AS ComparedRevenue,
        SUM(
            CASE WHEN Section IN ('Revenue', 'Cost of Sales') THEN ComparedAmount * LineSign END
        ) AS ComparedGrossProfit,
        SUM(CASE WHEN Section = 'Operating Expense' THEN ComparedAmount END) AS ComparedOperatingExpense,
        SUM(
            CASE WHEN Section IN ('Revenue', 'Cost of Sales', 'Operating Expense') THEN ComparedAmount * LineSign END
        ) AS ComparedOperatingProfit,
        SUM(ComparedAmount * LineSign) AS ComparedProfit,
        SUM(CASE WHEN Section = 'Revenue' THEN ComparedReference END) AS ReferenceRevenue,
        SUM(
            CASE WHEN Section IN ('Revenue', 'Cost of Sales') THEN ComparedReference * LineSign END
        ) AS ReferenceGrossProfit,
        SUM(CASE WHEN Section = 'Operating Expense' THEN ComparedReference END) AS ReferenceOperatingExpense,
        SUM(
            CASE WHEN Section IN ('Revenue', 'Cost of Sales', 'Operating Expense') THEN ComparedReference * LineSign END
        ) AS ReferenceOperatingProfit,
        SUM(ComparedReference * LineSign) AS ReferenceProfit
    FROM ProfitAndLossByHorizon
    WHERE NOT IsSubtotal
    GROUP BY
        AsOfPeriod,
        FiscalYear,
        Horizon,
        HorizonOrder,
        BusinessUnit,
        ScenarioName,
        ReferenceName,
        Periods,
        OutlookPeriods,
        ComparedPeriods,
        IsComplete
)

SELECT
    Figure.AsOfPeriod,
    Figure.FiscalYear,
    Figure.Horizon,
    Figure.HorizonOrder,
    Figure.BusinessUnit,
    KeyFigure.KpiOrder,
    KeyFigure.KpiName,
    KeyFigure.KpiSign,
    Figure.ScenarioName,
    Figure.ReferenceName,
    CAST(
        CASE KeyFigure.KpiName
            WHEN 'Revenue' THEN Figure.Revenue
            WHEN 'Gross margin' THEN Figure.GrossProfit
            WHEN 'Opex ratio' THEN Figure.OperatingExpense
            WHEN 'Profit' THEN Figure.Profit
            ELSE Figure.OperatingProfit
        END AS DECIMAL(38, 2)
    ) AS Numerator,
    CAST(CASE WHEN KeyFigure.IsRatio THEN Figure.Revenue END AS DECIMAL(38, 2)) AS Denominator,
    CAST(
        CASE KeyFigure.KpiName
            WHEN 'Revenue' THEN Figure.ComparedRevenue
            WHEN 'Gross margin' THEN Figure.ComparedGrossProfit
            WHEN 'Opex ratio' THEN Figure.ComparedOperatingExpense
            WHEN 'Profit' THEN Figure.ComparedProfit
            ELSE Figure.ComparedOperatingProfit
        END AS DECIMAL(38, 2)
    ) AS ComparedNumerator,
    CAST(CASE WHEN KeyFigure.IsRatio THEN Figure.ComparedRevenue END AS DECIMAL(38, 2)) AS ComparedDenominator,
    CAST(
        CASE KeyFigure.KpiName
            WHEN 'Revenue' THEN Figure.ReferenceRevenue
            WHEN 'Gross margin' THEN Figure.ReferenceGrossProfit
            WHEN 'Opex ratio' THEN Figure.ReferenceOperatingExpense
            WHEN 'Profit' THEN Figure.ReferenceProfit
            ELSE Figure.ReferenceOperatingProfit
        END AS DECIMAL(38, 2)
    ) AS ReferenceNumerator,
    CAST(CASE WHEN KeyFigure.IsRatio THEN Figure.ReferenceRevenue END AS DECIMAL(38, 2)) AS ReferenceDenominator,
    Figure.Periods,
    Figure.OutlookPeriods,
    Figure.ComparedPeriods,
    Figure.IsComplete
FROM Figure
CROSS JOIN StatedFigure AS KeyFigure

UNION ALL

SELECT
    VarianceByHorizon.AsOfPeriod,
    VarianceByHorizon.FiscalYear,
    VarianceByHorizon.Horizon,
    VarianceByHorizon.HorizonOrder,
    VarianceByHorizon.BusinessUnit,
    7 AS KpiOrder,
    CAST('CapEx' AS VARCHAR(32)) AS KpiName,
    -1 AS KpiSign,
    VarianceByHorizon.ScenarioName,
    VarianceByHorizon.ReferenceName,
    CAST(SUM(VarianceByHorizon.Amount) AS DECIMAL(38, 2)) AS Numerator,
    CAST(NULL AS DECIMAL(38, 2)) AS Denominator,
    CAST(SUM(VarianceByHorizon.ComparedAmount) AS DECIMAL(38, 2)) AS ComparedNumerator,
    CAST(NULL AS DECIMAL(38, 2)) AS ComparedDenominator,
    CAST(SUM(VarianceByHorizon.ComparedReference) AS DECIMAL(38, 2)) AS ReferenceNumerator,
    CAST(NULL AS DECIMAL(38, 2)) AS ReferenceDenominator,
    VarianceByHorizon.Periods,
    VarianceByHorizon.OutlookPeriods,
    VarianceByHorizon.ComparedPeriods,
    VarianceByHorizon.IsComplete
FROM VarianceByHorizon
WHERE VarianceByHorizon.AccountType = 'Asset' AND LOWER(VarianceByHorizon.Category) = 'capex'
GROUP BY
    VarianceByHorizon.AsOfPeriod,
    VarianceByHorizon.FiscalYear,
    VarianceByHorizon.Horizon,
    VarianceByHorizon.HorizonOrder,
    VarianceByHorizon.BusinessUnit,
    VarianceByHorizon.ScenarioName,
    VarianceByHorizon.ReferenceName,
    VarianceByHorizon.Periods,
    VarianceByHorizon.OutlookPeriods,
    VarianceByHorizon.ComparedPeriods,
    VarianceByHorizon.IsComplete;
