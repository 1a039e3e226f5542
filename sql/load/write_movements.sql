-- Grain: one cell (measure, scenario, period, department, account) whose amount or lines this load changes.
--
-- Lines that enter or leave a cell without money are a movement of 0.00. The first amounts of a scenario in a period that was published without it are of kind publication.

INSERT INTO Movements (
    LoadNumber, Kind, Measure, Period, ScenarioKey, DepartmentKey, AccountKey, Attribute, OldValue, NewValue,
    OldAmount, NewAmount, Difference, IsRestatement, OldVersion, NewVersion, Cause, RunId, LoadedAt
)
SELECT
    CAST(:load_number AS BIGINT) AS LoadNumber,
    CASE WHEN StageCell.IsFirst THEN 'publication' ELSE 'movement' END AS Kind,
    StageCell.Measure,
    StageCell.Period,
    StageCell.ScenarioKey,
    StageCell.DepartmentKey,
    StageCell.AccountKey,
    CASE WHEN NOT StageCell.HasMoney THEN 'Lines' END AS Attribute,
    CASE WHEN NOT StageCell.HasMoney THEN CASE WHEN StageCell.HadLines THEN 'some' ELSE 'none' END END AS OldValue,
    CASE WHEN NOT StageCell.HasMoney THEN CASE WHEN StageCell.HasLines THEN 'some' ELSE 'none' END END AS NewValue,
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
WHERE
    StageCell.OldAmount <> StageCell.NewAmount
    OR (NOT StageCell.HasMoney AND StageCell.HadLines <> StageCell.HasLines);
