-- Grain: one row per as-of period, horizon, scenario, reference and accounting period of the horizon.
-- Columns to fix before summing: AsOfPeriod, Horizon, ScenarioName, ReferenceName.
--
-- The periods that each horizon has, and where the amounts of both sides come from. Year to date has the periods of the
-- fiscal year through the as-of period, without those in which Actual is incomplete; rest of year has the others, so
-- that both add up to the full year. There Actual is what OutlookSource names. Plans are always complete.
-- A side's key is NULL in a period without amounts; the month shows Actual as it is.

CREATE OR REPLACE VIEW HorizonPeriod AS
WITH Horizon AS (
    SELECT CAST('month' AS VARCHAR(16)) AS Horizon, 1 AS HorizonOrder

    UNION ALL

    SELECT CAST('year to date' AS VARCHAR(16)) AS Horizon, 2 AS HorizonOrder

    UNION ALL

    SELECT CAST('rest of year' AS VARCHAR(16)) AS Horizon, 3 AS HorizonOrder

    UNION ALL

    SELECT CAST('full year' AS VARCHAR(16)) AS Horizon, 4 AS HorizonOrder
),

YearBefore AS (
    SELECT
        Period,
        FiscalYear,
        IsComplete,
        CAST(
            CAST(CAST(SUBSTRING(Period, 1, 4) AS INTEGER) + 1 AS VARCHAR(4)) || SUBSTRING(Period, 5, 3) AS VARCHAR(7)
        ) AS NextPeriod
    FROM PeriodCalendar
),

PairPeriod AS (
    SELECT
        AsOfCalendar.Period AS AsOfPeriod,
        AsOfCalendar.FiscalYear,
        Horizon.Horizon,
        Horizon.HorizonOrder,
        ComparablePeriod.Period,
        ComparablePeriod.ScenarioKey,
        ComparablePeriod.ScenarioName,
        ComparablePeriod.ScenarioType,
        ComparablePeriod.ReferenceKey,
        ComparablePeriod.ReferenceName,
        ComparablePeriod.ReferenceType,
        ComparablePeriod.ReferencePeriod,
        ComparablePeriod.IsCovered,
        ComparablePeriod.IsComplete,
        Horizon.Horizon IN ('rest of year', 'full year') AS HasOutlook,
        ComparablePeriod.ScenarioType <> 'Actual' OR ThisPeriod.IsComplete AS ScenarioIsComplete,
        ComparablePeriod.ReferenceType <> 'Actual'
        OR COALESCE(ReferenceCalendar.IsComplete, FALSE) AS ReferenceIsComplete,
        ThisPeriod.IsComplete
        OR (ComparablePeriod.ScenarioType <> 'Actual' AND ComparablePeriod.ReferenceType <> 'Actual') AS CountsToDate
    FROM PeriodCalendar AS AsOfCalendar
    CROSS JOIN Horizon
    INNER JOIN PeriodCalendar AS ThisPeriod ON ThisPeriod.FiscalYear = AsOfCalendar.FiscalYear
    INNER JOIN ComparablePeriod ON ComparablePeriod.Period = ThisPeriod.Period
    LEFT JOIN PeriodCalendar AS ReferenceCalendar ON ReferenceCalendar.Period = ComparablePeriod.ReferencePeriod

    UNION ALL

    SELECT
        AsOfCalendar.Period AS AsOfPeriod,
        AsOfCalendar.FiscalYear,
        Horizon.Horizon,
        Horizon.HorizonOrder,
        YearBefore.NextPeriod AS Period,
        DimScenario.ScenarioKey,
        DimScenario.ScenarioName,
        DimScenario.ScenarioType,
        DimScenario.ScenarioKey AS ReferenceKey,
        'Prior Year' AS ReferenceName,
        DimScenario.ScenarioType AS ReferenceType,
        YearBefore.Period AS ReferencePeriod,
        FALSE AS IsCovered,
        FALSE AS IsComplete,
        Horizon.Horizon IN ('rest of year', 'full year') AS HasOutlook,
        DimScenario.ScenarioType <> 'Actual' AS ScenarioIsComplete,
        DimScenario.ScenarioType <> 'Actual' OR YearBefore.IsComplete AS ReferenceIsComplete,
        DimScenario.ScenarioType <> 'Actual' AS CountsToDate
    FROM PeriodCalendar AS AsOfCalendar
    INNER JOIN YearBefore ON YearBefore.FiscalYear = AsOfCalendar.FiscalYear - 1
    INNER JOIN Horizon ON Horizon.Horizon <> 'month'
    CROSS JOIN DimScenario
    LEFT JOIN PeriodCalendar AS ThisPeriod ON ThisPeriod.Period = YearBefore.NextPeriod
    WHERE ThisPeriod.Period IS NULL
),

SidePeriod AS (
    SELECT
        PairPeriod.*,
        CASE
            WHEN PairPeriod.Horizon = 'month' OR PairPeriod.ScenarioIsComplete THEN PairPeriod.ScenarioKey
            WHEN PairPeriod.HasOutlook THEN OutlookSource.ScenarioKey
        END AS SourceKey,
        CASE
            WHEN PairPeriod.Horizon = 'month' OR PairPeriod.ReferenceIsComplete THEN PairPeriod.ReferenceKey
            WHEN PairPeriod.HasOutlook THEN ReferenceOutlook.ScenarioKey
        END AS ReferenceSourceKey
    FROM PairPeriod
    LEFT JOIN OutlookSource ON OutlookSource.Period = PairPeriod.Period
    LEFT JOIN OutlookSource AS ReferenceOutlook ON ReferenceOutlook.Period = PairPeriod.ReferencePeriod
    WHERE
        CASE PairPeriod.Horizon
            WHEN 'month' THEN PairPeriod.Period = PairPeriod.AsOfPeriod
            WHEN 'year to date' THEN PairPeriod.Period <= PairPeriod.AsOfPeriod AND PairPeriod.CountsToDate
            WHEN 'rest of year' THEN PairPeriod.Period > PairPeriod.AsOfPeriod OR NOT PairPeriod.CountsToDate
            ELSE TRUE
        END
)

SELECT
    SidePeriod.AsOfPeriod,
    SidePeriod.FiscalYear,
    SidePeriod.Horizon,
    SidePeriod.HorizonOrder,
    SidePeriod.ScenarioName,
    SidePeriod.ReferenceName,
    SidePeriod.Period,
    SidePeriod.ReferencePeriod,
    ScenarioLines.ScenarioKey AS AmountKey,
    ReferenceLines.ScenarioKey AS ReferenceAmountKey,
    ScenarioLines.ScenarioKey IS NOT NULL AND SidePeriod.HasOutlook AND NOT SidePeriod.ScenarioIsComplete AS IsOutlook,
    CASE
        WHEN SidePeriod.Horizon = 'month' THEN SidePeriod.IsCovered
        ELSE ScenarioLines.ScenarioKey IS NOT NULL AND ReferenceLines.ScenarioKey IS NOT NULL
    END AS IsCompared,
    SidePeriod.Horizon <> 'month' OR SidePeriod.IsComplete AS IsComplete
FROM SidePeriod
LEFT JOIN ScenarioPeriod AS ScenarioLines
    ON ScenarioLines.ScenarioKey = SidePeriod.SourceKey AND ScenarioLines.Period = SidePeriod.Period
LEFT JOIN ScenarioPeriod AS ReferenceLines
    ON
        ReferenceLines.ScenarioKey = SidePeriod.ReferenceSourceKey
        AND ReferenceLines.Period = SidePeriod.ReferencePeriod;
