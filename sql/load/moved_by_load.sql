-- Grain: one row per period, kind, scenario, measure, and money or not, that the load :load_number of :loaded_at moved.
--
-- By its time, which Movements is sorted by, Redshift finds the blocks of the load. A cell counts once, even if several of its attributes changed.

WITH MovedCell AS (
    SELECT
        Period,
        Kind,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        Measure,
        IsRestatement,
        MAX(OldAmount) AS OldAmount,
        MAX(NewAmount) AS NewAmount,
        MAX(Difference) AS Difference
    FROM Movements
    WHERE LoadedAt = CAST(:loaded_at AS TIMESTAMP) AND LoadNumber = CAST(:load_number AS BIGINT)
    GROUP BY Period, Kind, ScenarioKey, DepartmentKey, AccountKey, Measure, IsRestatement
)

SELECT
    MovedCell.Period,
    MovedCell.Kind,
    COALESCE(DimScenario.ScenarioName, CAST(MovedCell.ScenarioKey AS VARCHAR(128))) AS ScenarioName,
    MovedCell.Measure,
    CAST(COUNT(*) AS BIGINT) AS Cells,
    CAST(SUM(MovedCell.OldAmount) AS DECIMAL(38, 2)) AS OldAmount,
    CAST(SUM(MovedCell.NewAmount) AS DECIMAL(38, 2)) AS NewAmount,
    CAST(SUM(MovedCell.Difference) AS DECIMAL(38, 2)) AS Difference,
    MovedCell.IsRestatement,
    COALESCE(DimAccount.IsMonetary, TRUE) AS IsMonetary
FROM MovedCell
LEFT JOIN DimScenario ON DimScenario.ScenarioKey = MovedCell.ScenarioKey
LEFT JOIN DimAccount ON DimAccount.AccountKey = MovedCell.AccountKey
GROUP BY
    MovedCell.Period,
    MovedCell.Kind,
    COALESCE(DimScenario.ScenarioName, CAST(MovedCell.ScenarioKey AS VARCHAR(128))),
    MovedCell.Measure,
    MovedCell.IsRestatement,
    COALESCE(DimAccount.IsMonetary, TRUE)
ORDER BY Period, Kind, ScenarioName, Measure, IsMonetary;
