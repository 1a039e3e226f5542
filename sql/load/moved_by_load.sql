-- Grain: one row per period, kind, scenario and measure that a load moved; :load_number is the load.

SELECT
    Movements.Period,
    Movements.Kind,
    COALESCE(DimScenario.ScenarioName, CAST(Movements.ScenarioKey AS VARCHAR(128))) AS ScenarioName,
    Movements.Measure,
    CAST(COUNT(*) AS BIGINT) AS Cells,
    CAST(SUM(Movements.OldAmount) AS DECIMAL(18, 2)) AS OldAmount,
    CAST(SUM(Movements.NewAmount) AS DECIMAL(18, 2)) AS NewAmount,
    CAST(SUM(Movements.Difference) AS DECIMAL(18, 2)) AS Difference,
    Movements.IsRestatement
FROM Movements
LEFT JOIN DimScenario ON DimScenario.ScenarioKey = Movements.ScenarioKey
WHERE Movements.LoadNumber = CAST(:load_number AS BIGINT)
GROUP BY
    Movements.Period,
    Movements.Kind,
    COALESCE(DimScenario.ScenarioName, CAST(Movements.ScenarioKey AS VARCHAR(128))),
    Movements.Measure,
    Movements.IsRestatement
ORDER BY Period, Kind, ScenarioName, Measure;
