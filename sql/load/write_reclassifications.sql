-- Grain: one cell (measure, scenario, period, department, account) with money, and one attribute changed by this load.

INSERT INTO Movements (
    LoadNumber, Kind, Measure, Period, ScenarioKey, DepartmentKey, AccountKey, Attribute, OldValue, NewValue,
    OldAmount, NewAmount, Difference, IsRestatement, OldVersion, NewVersion, Cause, RunId, LoadedAt
)
WITH ReclassifiedCell AS (
    SELECT
        StageCell.Measure,
        StageCell.Period,
        StageCell.ScenarioKey,
        StageCell.DepartmentKey,
        StageCell.AccountKey,
        StageCell.OldAmount,
        StageCell.NewAmount,
        StageReclassification.Attribute,
        StageReclassification.OldValue,
        StageReclassification.NewValue,
        StageReclassification.OldVersion,
        StageReclassification.NewVersion,
        StageReclassification.Cause
    FROM StageCell
    INNER JOIN StageReclassification ON StageReclassification.DepartmentKey = StageCell.DepartmentKey

    UNION ALL

    SELECT
        StageCell.Measure,
        StageCell.Period,
        StageCell.ScenarioKey,
        StageCell.DepartmentKey,
        StageCell.AccountKey,
        StageCell.OldAmount,
        StageCell.NewAmount,
        StageReclassification.Attribute,
        StageReclassification.OldValue,
        StageReclassification.NewValue,
        StageReclassification.OldVersion,
        StageReclassification.NewVersion,
        StageReclassification.Cause
    FROM StageCell
    INNER JOIN StageReclassification ON StageReclassification.AccountKey = StageCell.AccountKey
)

SELECT
    CAST(:load_number AS BIGINT) AS LoadNumber,
    'reclassification' AS Kind,
    ReclassifiedCell.Measure,
    ReclassifiedCell.Period,
    ReclassifiedCell.ScenarioKey,
    ReclassifiedCell.DepartmentKey,
    ReclassifiedCell.AccountKey,
    ReclassifiedCell.Attribute,
    ReclassifiedCell.OldValue,
    ReclassifiedCell.NewValue,
    ReclassifiedCell.OldAmount,
    ReclassifiedCell.NewAmount,
    ReclassifiedCell.NewAmount - ReclassifiedCell.OldAmount AS Difference,
    COALESCE(StageSlice.IsClosed, FALSE) AS IsRestatement,
    ReclassifiedCell.OldVersion,
    ReclassifiedCell.NewVersion,
    ReclassifiedCell.Cause,
    CAST(:run_id AS VARCHAR(64)) AS RunId,
    CAST(:loaded_at AS TIMESTAMP) AS LoadedAt
FROM ReclassifiedCell
LEFT JOIN StageSlice ON StageSlice.TableName = 'FactFinancials' AND StageSlice.Slice = ReclassifiedCell.Period;
