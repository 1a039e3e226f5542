-- Grain: one row per planning scenario, version, accounting period, department and account, for monetary flows.
-- Columns to fix before summing: ScenarioName, VersionNumber, AccountType.
--
-- A plan as each load left it: what is published now, less what later loads moved (see Movements). A load that published
-- or moved nothing of the scenario is no version. A period is in the versions since it was first published. A member that
-- only an earlier version had is named by its code.

CREATE OR REPLACE VIEW PlanVersion AS
WITH FirstLoad AS (
    SELECT Period, LoadNumber, LoadedAt
    FROM (
        SELECT
            Slice AS Period,
            LoadNumber,
            LoadedAt,
            ROW_NUMBER() OVER (PARTITION BY Slice ORDER BY LoadNumber) AS Nth
        FROM LoadLedger
        WHERE TableName = 'FactFinancials'
    ) AS NumberedLoad
    WHERE Nth = 1
),

PlanMovement AS (
    SELECT
        Movements.LoadNumber,
        Movements.LoadedAt,
        Movements.ScenarioKey,
        Movements.Period,
        Movements.DepartmentKey,
        Movements.AccountKey,
        Movements.DepartmentCode,
        Movements.AccountNumber,
        Movements.Difference
    FROM Movements
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = Movements.ScenarioKey
    WHERE
        DimScenario.ScenarioType <> 'Actual'
        AND Movements.Measure = 'Amount'
        AND Movements.Kind IN ('movement', 'publication')
),

Change AS (
    SELECT
        ScenarioKey,
        Period,
        DepartmentKey,
        AccountKey,
        DepartmentCode,
        AccountNumber,
        Amount,
        9999999999 AS LoadNumber
    FROM PeriodAmount
    WHERE ScenarioType <> 'Actual'

    UNION ALL

    SELECT
        ScenarioKey,
        Period,
        DepartmentKey,
        AccountKey,
        DepartmentCode,
        AccountNumber,
        -Difference AS Amount,
        LoadNumber
    FROM PlanMovement
),

FirstCell AS (
    SELECT Change.ScenarioKey, FirstLoad.LoadNumber, FirstLoad.LoadedAt
    FROM Change
    INNER JOIN FirstLoad ON FirstLoad.Period = Change.Period AND FirstLoad.LoadNumber < Change.LoadNumber
    GROUP BY
        Change.ScenarioKey,
        Change.Period,
        Change.DepartmentKey,
        Change.AccountKey,
        FirstLoad.LoadNumber,
        FirstLoad.LoadedAt
    HAVING SUM(Change.Amount) <> 0
),

PlanLoad AS (
    SELECT ScenarioKey, LoadNumber, LoadedAt
    FROM PlanMovement

    UNION

    SELECT ScenarioKey, LoadNumber, LoadedAt
    FROM FirstCell
),

Cell AS (
    SELECT
        PlanLoad.ScenarioKey,
        PlanLoad.LoadNumber,
        PlanLoad.LoadedAt,
        Change.Period,
        Change.DepartmentKey,
        Change.AccountKey,
        MAX(Change.DepartmentCode) AS DepartmentCode,
        MAX(Change.AccountNumber) AS AccountNumber,
        SUM(Change.Amount) AS Amount
    FROM PlanLoad
    INNER JOIN Change ON Change.ScenarioKey = PlanLoad.ScenarioKey AND Change.LoadNumber > PlanLoad.LoadNumber
    INNER JOIN FirstLoad ON FirstLoad.Period = Change.Period AND FirstLoad.LoadNumber <= PlanLoad.LoadNumber
    GROUP BY
        PlanLoad.ScenarioKey,
        PlanLoad.LoadNumber,
        PlanLoad.LoadedAt,
        Change.Period,
        Change.DepartmentKey,
        Change.AccountKey
    HAVING SUM(Change.Amount) <> 0
),

Numbered AS (
    SELECT
        ScenarioKey,
        LoadNumber,
        ROW_NUMBER() OVER (PARTITION BY ScenarioKey ORDER BY LoadNumber) AS VersionNumber,
        ROW_NUMBER() OVER (PARTITION BY ScenarioKey ORDER BY LoadNumber DESC) AS VersionsBack
    FROM Cell
    GROUP BY ScenarioKey, LoadNumber
)

SELECT
    DimScenario.ScenarioName,
    DimScenario.ScenarioType,
    DimScenario.IsBaseline,
    CAST(Numbered.VersionNumber AS INTEGER) AS VersionNumber,
    Cell.LoadNumber,
    Cell.LoadedAt,
    Numbered.VersionNumber = 1 AS IsOriginal,
    Numbered.VersionsBack = 1 AS IsCurrent,
    Cell.Period,
    PeriodCalendar.FiscalYear,
    PeriodCalendar.FiscalQuarter,
    PeriodCalendar.FiscalPeriod,
    Cell.DepartmentKey,
    COALESCE(DepartmentSpan.DepartmentCode, Cell.DepartmentCode) AS DepartmentCode,
    COALESCE(DepartmentSpan.DepartmentName, Cell.DepartmentCode) AS DepartmentName,
    COALESCE(DepartmentSpan.BusinessUnit, 'Unknown') AS BusinessUnit,
    Cell.AccountKey,
    COALESCE(AccountSpan.AccountNumber, Cell.AccountNumber) AS AccountNumber,
    COALESCE(AccountSpan.AccountName, Cell.AccountNumber) AS AccountName,
    COALESCE(AccountSpan.AccountType, 'Unknown') AS AccountType,
    COALESCE(AccountSpan.Category, 'Unknown') AS Category,
    COALESCE(AccountSpan.ProfitSign, 0) AS ProfitSign,
    OwnLine.Section,
    OwnLine.Line,
    OwnLine.LineOrder,
    CAST(Cell.Amount AS DECIMAL(38, 2)) AS Amount
FROM Cell
INNER JOIN Numbered ON Numbered.ScenarioKey = Cell.ScenarioKey AND Numbered.LoadNumber = Cell.LoadNumber
INNER JOIN DimScenario ON DimScenario.ScenarioKey = Cell.ScenarioKey
LEFT JOIN PeriodCalendar ON PeriodCalendar.Period = Cell.Period
LEFT JOIN DepartmentSpan
    ON
        DepartmentSpan.DepartmentKey = Cell.DepartmentKey
        AND Cell.Period BETWEEN DepartmentSpan.ValidFrom AND DepartmentSpan.ValidTo
LEFT JOIN AccountSpan
    ON
        AccountSpan.AccountKey = Cell.AccountKey
        AND Cell.Period BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
LEFT JOIN StatementLine AS OwnLine ON OwnLine.AccountClassKey = AccountSpan.AccountClassKey AND NOT OwnLine.IsSubtotal
WHERE COALESCE(AccountSpan.IsMonetary, TRUE) AND COALESCE(AccountSpan.Measure, 'flow') = 'flow';
