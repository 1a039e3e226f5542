-- Grain: one row per accounting period that is complete or has a plan.
-- Columns to fix before summing: none.
--
-- Where the expectation for a period comes from: Actual in a complete period, else the latest forecast that has it, else
-- the baseline. The latest forecast of a fiscal year covers most of its periods that have no actuals yet; of several, the
-- last by name is taken: Forecast 2025-09 is later than Forecast 2025-06. It may begin after a period that is not
-- complete yet, which the forecast before it has.

CREATE OR REPLACE VIEW OutlookSource AS
WITH OpenForecast AS (
    SELECT
        PeriodCalendar.FiscalYear,
        DimScenario.ScenarioKey,
        DimScenario.ScenarioName,
        ROW_NUMBER() OVER (
            PARTITION BY PeriodCalendar.FiscalYear
            ORDER BY SUM(CASE WHEN PeriodCalendar.HasActual THEN 0 ELSE 1 END) DESC, DimScenario.ScenarioName DESC
        ) AS PlanRank
    FROM ScenarioPeriod
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = ScenarioPeriod.ScenarioKey
    INNER JOIN PeriodCalendar ON PeriodCalendar.Period = ScenarioPeriod.Period
    WHERE DimScenario.ScenarioType = 'Forecast' AND NOT PeriodCalendar.IsComplete
    GROUP BY PeriodCalendar.FiscalYear, DimScenario.ScenarioKey, DimScenario.ScenarioName
),

Candidate AS (
    SELECT
        PeriodCalendar.Period,
        PeriodCalendar.FiscalYear,
        DimScenario.ScenarioKey,
        DimScenario.ScenarioName,
        CASE
            WHEN PeriodCalendar.IsComplete THEN 'actual'
            WHEN DimScenario.ScenarioType = 'Forecast' THEN 'forecast'
            ELSE 'budget'
        END AS Source,
        ROW_NUMBER() OVER (
            PARTITION BY PeriodCalendar.Period
            ORDER BY CASE WHEN OpenForecast.ScenarioKey IS NULL THEN 1 ELSE 0 END, OpenForecast.PlanRank
        ) AS PlanRank
    FROM ScenarioPeriod
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = ScenarioPeriod.ScenarioKey
    INNER JOIN PeriodCalendar ON PeriodCalendar.Period = ScenarioPeriod.Period
    LEFT JOIN OpenForecast
        ON
            OpenForecast.ScenarioKey = DimScenario.ScenarioKey
            AND OpenForecast.FiscalYear = PeriodCalendar.FiscalYear
    WHERE
        CASE
            WHEN PeriodCalendar.IsComplete THEN DimScenario.ScenarioType = 'Actual'
            WHEN DimScenario.ScenarioType = 'Actual' THEN FALSE
            ELSE DimScenario.IsBaseline OR OpenForecast.ScenarioKey IS NOT NULL
        END
)

SELECT
    Period,
    FiscalYear,
    ScenarioKey,
    ScenarioName,
    CAST(Source AS VARCHAR(8)) AS Source
FROM Candidate
WHERE PlanRank = 1;
