-- Grain: one row per accounting period, scenario and reference.
-- Columns to fix before summing: none.
--
-- A scenario covers the periods in which it has lines; Actual through its last complete period, and gaps that a setting
-- covers. Under the name Prior Year, each scenario is compared with itself twelve months before; a scenario of that
-- name is no reference.

CREATE OR REPLACE VIEW ComparablePeriod AS
WITH Pair AS (
    SELECT
        Scenario.ScenarioKey,
        Scenario.ScenarioName,
        Scenario.ScenarioType,
        Reference.ScenarioKey AS ReferenceKey,
        Reference.ScenarioName AS ReferenceName,
        Reference.ScenarioType AS ReferenceType,
        0 AS YearsBack
    FROM DimScenario AS Scenario
    INNER JOIN DimScenario AS Reference ON Reference.ScenarioKey <> Scenario.ScenarioKey
    WHERE LOWER(Reference.ScenarioName) <> 'prior year'

    UNION ALL

    SELECT
        ScenarioKey,
        ScenarioName,
        ScenarioType,
        ScenarioKey AS ReferenceKey,
        'Prior Year' AS ReferenceName,
        ScenarioType AS ReferenceType,
        1 AS YearsBack
    FROM DimScenario
),

PairPeriod AS (
    SELECT
        PeriodStatus.Period,
        PeriodStatus.IsComplete,
        Pair.ScenarioKey,
        Pair.ScenarioName,
        Pair.ScenarioType,
        Pair.ReferenceKey,
        Pair.ReferenceName,
        Pair.ReferenceType,
        CASE
            WHEN Pair.YearsBack = 0 THEN PeriodStatus.Period
            ELSE CAST(
                CAST(CAST(SUBSTRING(PeriodStatus.Period, 1, 4) AS INTEGER) - 1 AS VARCHAR(4))
                || SUBSTRING(PeriodStatus.Period, 5, 3) AS VARCHAR(7)
            )
        END AS ReferencePeriod
    FROM PeriodStatus
    CROSS JOIN Pair
)

SELECT
    PairPeriod.Period,
    PairPeriod.ScenarioKey,
    PairPeriod.ScenarioName,
    PairPeriod.ScenarioType,
    PairPeriod.ReferenceKey,
    PairPeriod.ReferenceName,
    PairPeriod.ReferenceType,
    PairPeriod.ReferencePeriod,
    COALESCE(Covered.IsCovered, FALSE) AND COALESCE(ReferenceCovered.IsCovered, FALSE) AS IsCovered,
    (PairPeriod.ScenarioType <> 'Actual' OR PairPeriod.IsComplete)
    AND (PairPeriod.ReferenceType <> 'Actual' OR COALESCE(ReferenceStatus.IsComplete, FALSE)) AS IsComplete
FROM PairPeriod
LEFT JOIN ScenarioPeriod AS Covered
    ON Covered.ScenarioKey = PairPeriod.ScenarioKey AND Covered.Period = PairPeriod.Period
LEFT JOIN ScenarioPeriod AS ReferenceCovered
    ON
        ReferenceCovered.ScenarioKey = PairPeriod.ReferenceKey
        AND ReferenceCovered.Period = PairPeriod.ReferencePeriod
LEFT JOIN PeriodStatus AS ReferenceStatus ON ReferenceStatus.Period = PairPeriod.ReferencePeriod;
