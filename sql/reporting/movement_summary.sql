-- Grain: one row per load, period, kind, scenario, measure, quantity and cause.
--
-- Rows are those since :since, UTC, and of restatements those since :restated_since. Quantity keeps apart what must not
-- be added: flow and balance are money, and statistical is not. A cell counts once, even if several of its attributes
-- changed. Moved is gross: the sum of absolute changes, or of the amounts that are reported under another attribute; a
-- rename moves nothing. A scenario that is gone keeps the name of its movements.

WITH RecordedScenario AS (
    SELECT ScenarioKey, MAX(ScenarioName) AS ScenarioName
    FROM Movements
    WHERE ScenarioKey NOT IN (SELECT DimScenario.ScenarioKey FROM DimScenario)
    GROUP BY ScenarioKey
),

MovedCell AS (
    SELECT
        LoadNumber,
        LoadedAt,
        RunId,
        Period,
        Kind,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        Measure,
        IsRestatement,
        Cause,
        MAX(OldAmount) AS OldAmount,
        MAX(NewAmount) AS NewAmount,
        MAX(Difference) AS Difference
    FROM Movements
    WHERE
        LoadedAt >= CAST(:since AS TIMESTAMP)
        OR (IsRestatement AND LoadedAt >= CAST(:restated_since AS TIMESTAMP))
    GROUP BY
        LoadNumber,
        LoadedAt,
        RunId,
        Period,
        Kind,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        Measure,
        IsRestatement,
        Cause
),

QuantifiedCell AS (
    SELECT
        MovedCell.*,
        COALESCE(
            DimScenario.ScenarioName, RecordedScenario.ScenarioName, CAST(MovedCell.ScenarioKey AS VARCHAR(128))
        ) AS Scenario,
        CASE
            WHEN DimAccount.IsMonetary THEN DimAccount.Measure
            WHEN NOT DimAccount.IsMonetary THEN 'statistical'
            ELSE 'flow'
        END AS Quantity,
        CASE WHEN MovedCell.Kind = 'reclassification' THEN MovedCell.OldAmount ELSE 0 END AS Reclassified,
        CASE
            WHEN MovedCell.Kind = 'rename' THEN 0
            WHEN MovedCell.Kind = 'reclassification' THEN ABS(MovedCell.OldAmount)
            ELSE ABS(MovedCell.Difference)
        END AS Moved
    FROM MovedCell
    LEFT JOIN DimScenario ON DimScenario.ScenarioKey = MovedCell.ScenarioKey
    LEFT JOIN RecordedScenario ON RecordedScenario.ScenarioKey = MovedCell.ScenarioKey
    LEFT JOIN DimAccount ON DimAccount.AccountKey = MovedCell.AccountKey
)

SELECT
    LoadNumber,
    LoadedAt,
    RunId,
    Period,
    Kind,
    Scenario,
    Measure,
    Quantity,
    CAST(COUNT(*) AS BIGINT) AS Cells,
    CAST(SUM(OldAmount) AS DECIMAL(38, 2)) AS OldAmount,
    CAST(SUM(NewAmount) AS DECIMAL(38, 2)) AS NewAmount,
    CAST(SUM(Difference) AS DECIMAL(38, 2)) AS Difference,
    CAST(SUM(Reclassified) AS DECIMAL(38, 2)) AS Reclassified,
    CAST(SUM(Moved) AS DECIMAL(38, 2)) AS Moved,
    IsRestatement,
    Cause
FROM QuantifiedCell
GROUP BY LoadNumber, LoadedAt, RunId, Period, Kind, Scenario, Measure, Quantity, IsRestatement, Cause
ORDER BY LoadNumber, Period, Kind, Scenario, Measure, Quantity, Cause;
