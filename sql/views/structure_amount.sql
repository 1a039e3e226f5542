-- Grain: one row per structure of the departments, accounting period, department of that structure, account and scenario.
-- Columns to fix before summing: StructureFrom (or IsCurrentStructure), ScenarioName, AccountType, Measure; the Period
-- too for Measure balance.
--
-- PeriodAmount as if the departments had been organised in every period as they are from StructureFrom on: where
-- IsCurrentStructure is true, earlier amounts as today's departments would have them; where StructureFrom is 0001-01,
-- later amounts as the departments before the first reorganisation would. In each structure, a period, account and scenario
-- has the same sum as in the fact table: an amount is rounded at both ends of each part, and the differences add up to it.
-- Accounts are as they were in the period; departments as from StructureFrom on, in the current structure as they are now.

CREATE OR REPLACE VIEW StructureAmount AS
WITH Beginning AS (
    SELECT CAST('0001-01' AS VARCHAR(7)) AS StructureFrom

    UNION

    SELECT ValidFrom AS StructureFrom
    FROM DepartmentReorganisation
),

Structure AS (
    SELECT
        Beginning.StructureFrom,
        Beginning.StructureFrom = Latest.StructureFrom AS IsCurrentStructure
    FROM Beginning
    CROSS JOIN (SELECT MAX(StructureFrom) AS StructureFrom FROM Beginning) AS Latest
),

Part AS (
    SELECT
        Structure.StructureFrom,
        Structure.IsCurrentStructure,
        PeriodAmount.Period,
        PeriodAmount.AccountKey,
        PeriodAmount.ScenarioKey,
        PeriodAmount.DepartmentKey AS BookedKey,
        COALESCE(DepartmentMapping.ShownAsKey, PeriodAmount.DepartmentKey) AS DepartmentKey,
        CASE
            WHEN DepartmentMapping.ShownAsKey IS NULL THEN PeriodAmount.Amount
            ELSE
                CAST(
                    ROUND(CAST(PeriodAmount.Amount AS DECIMAL(20, 2)) * DepartmentMapping.ShareTo, 2)
                    - ROUND(CAST(PeriodAmount.Amount AS DECIMAL(20, 2)) * DepartmentMapping.ShareFrom, 2) AS DECIMAL(18, 2)
                )
        END AS Amount
    FROM PeriodAmount
    CROSS JOIN Structure
    LEFT JOIN DepartmentMapping
        ON
            DepartmentMapping.StructureFrom = Structure.StructureFrom
            AND DepartmentMapping.DepartmentKey = PeriodAmount.DepartmentKey
            AND PeriodAmount.Period BETWEEN DepartmentMapping.ValidFrom AND DepartmentMapping.ValidTo
),

Cell AS (
    SELECT
        StructureFrom,
        IsCurrentStructure,
        Period,
        DepartmentKey,
        AccountKey,
        ScenarioKey,
        CAST(SUM(Amount) AS DECIMAL(38, 2)) AS Amount,
        CAST(SUM(CASE WHEN BookedKey <> DepartmentKey THEN Amount ELSE 0 END) AS DECIMAL(38, 2)) AS MovedAmount
    FROM Part
    GROUP BY
        StructureFrom,
        IsCurrentStructure,
        Period,
        DepartmentKey,
        AccountKey,
        ScenarioKey
),

Predecessor AS (
    SELECT PredecessorKey, MAX(PredecessorCode) AS PredecessorCode
    FROM DepartmentReorganisation
    GROUP BY PredecessorKey
)

SELECT
    Cell.StructureFrom,
    Cell.IsCurrentStructure,
    Cell.Period,
    PeriodCalendar.FiscalYear,
    PeriodCalendar.FiscalQuarter,
    PeriodCalendar.FiscalPeriod,
    Cell.DepartmentKey,
    COALESCE(DepartmentSpan.DepartmentCode, Predecessor.PredecessorCode, 'Unknown') AS DepartmentCode,
    COALESCE(DepartmentSpan.DepartmentName, Predecessor.PredecessorCode, 'Unknown') AS DepartmentName,
    COALESCE(DepartmentSpan.BusinessUnit, 'Unknown') AS BusinessUnit,
    Cell.AccountKey,
    AccountSpan.AccountNumber,
    AccountSpan.AccountName,
    AccountSpan.AccountType,
    AccountSpan.Category,
    AccountSpan.ProfitSign,
    AccountSpan.IsMonetary,
    AccountSpan.Measure,
    OwnLine.Section,
    OwnLine.Line,
    OwnLine.LineOrder,
    DimScenario.ScenarioName,
    DimScenario.ScenarioType,
    DimScenario.IsBaseline,
    Cell.Amount,
    Cell.MovedAmount,
    PeriodCalendar.IsComplete
FROM Cell
INNER JOIN PeriodCalendar ON PeriodCalendar.Period = Cell.Period
INNER JOIN DimScenario ON DimScenario.ScenarioKey = Cell.ScenarioKey
INNER JOIN AccountSpan
    ON
        AccountSpan.AccountKey = Cell.AccountKey
        AND Cell.Period BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
LEFT JOIN DepartmentSpan
    ON
        DepartmentSpan.DepartmentKey = Cell.DepartmentKey
        AND (
            (Cell.IsCurrentStructure AND DepartmentSpan.IsCurrent)
            OR (
                NOT Cell.IsCurrentStructure
                AND Cell.StructureFrom BETWEEN DepartmentSpan.ValidFrom AND DepartmentSpan.ValidTo
            )
        )
LEFT JOIN Predecessor ON Predecessor.PredecessorKey = Cell.DepartmentKey
LEFT JOIN StatementLine AS OwnLine ON OwnLine.AccountClassKey = AccountSpan.AccountClassKey AND NOT OwnLine.IsSubtotal;
