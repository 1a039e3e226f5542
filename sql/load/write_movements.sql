-- Grain: one cell (measure, scenario, period, department, account) whose amount this load changes.

INSERT INTO Movements (
    LoadNumber, Kind, Measure, Period, ScenarioKey, DepartmentKey, AccountKey, Attribute, OldValue, NewValue,
    OldAmount, NewAmount, Difference, IsRestatement, OldVersion, NewVersion, Cause, RunId, LoadedAt
)
SELECT
    CAST(:load_number AS BIGINT) AS LoadNumber,
    'movement' AS Kind,
    StageCell.Measure,
    StageCell.Period,
    StageCell.ScenarioKey,
    StageCell.DepartmentKey,
    StageCell.AccountKey,
    CAST(NULL AS VARCHAR(16)) AS Attribute,
    CAST(NULL AS VARCHAR(256)) AS OldValue,
    CAST(NULL AS VARCHAR(256)) AS NewValue,
    StageCell.OldAmount,
    StageCell.NewAmount,
    StageCell.NewAmount - StageCell.OldAmount AS Difference,
    StageSlice.IsClosed AS IsRestatement,
    StageSlice.OldVersion,
    StageSlice.NewVersion,
    StageSlice.Cause,
    CAST(:run_id AS VARCHAR(64)) AS RunId,
    CAST(:loaded_at AS TIMESTAMP) AS LoadedAt
FROM StageCell
INNER JOIN StageSlice ON StageSlice.TableName = 'FactFinancials' AND StageSlice.Slice = StageCell.Period
WHERE StageCell.OldAmount <> StageCell.NewAmount;
