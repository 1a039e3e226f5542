-- Grain: one row per load, period, kind, scenario, measure and cause since :since, UTC.

SELECT
    Movements.LoadNumber,
    Movements.LoadedAt,
    Movements.RunId,
    Movements.Period,
    Movements.Kind,
    COALESCE(DimScenario.ScenarioName, CAST(Movements.ScenarioKey AS VARCHAR(128))) AS Scenario,
    Movements.Measure,
    CAST(COUNT(*) AS BIGINT) AS Cells,
    CAST(SUM(Movements.Difference) AS DECIMAL(18, 2)) AS Difference,
    CAST(SUM(CASE WHEN Movements.Kind = 'reclassification' THEN Movements.OldAmount ELSE 0 END) AS DECIMAL(18, 2))
        AS Reclassified,
    CAST(
        SUM(
            CASE WHEN Movements.Kind = 'reclassification' THEN ABS(Movements.OldAmount) ELSE ABS(Movements.Difference) END
        ) AS DECIMAL(18, 2)
    ) AS Moved,
    Movements.IsRestatement,
    Movements.Cause
FROM Movements
LEFT JOIN DimScenario ON DimScenario.ScenarioKey = Movements.ScenarioKey
WHERE Movements.LoadedAt >= CAST(:since AS TIMESTAMP)
GROUP BY
    Movements.LoadNumber,
    Movements.LoadedAt,
    Movements.RunId,
    Movements.Period,
    Movements.Kind,
    COALESCE(DimScenario.ScenarioName, CAST(Movements.ScenarioKey AS VARCHAR(128))),
    Movements.Measure,
    Movements.IsRestatement,
    Movements.Cause
ORDER BY LoadNumber, Period, Kind, Scenario, Measure;
