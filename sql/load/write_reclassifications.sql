-- Grain: one cell (measure, scenario, period, department, account) with lines, and one attribute changed by this load.
--
-- A name groups nothing, so a rename is information and never a restatement. Cells that are published for the first
-- time had no attribute before. The attributes of departments and accounts are compared in the periods of the change.

INSERT INTO Movements (
    LoadNumber, Kind, Measure, Period, ScenarioKey, DepartmentKey, AccountKey, Attribute, OldValue, NewValue,
    OldAmount, NewAmount, Difference, IsRestatement, OldVersion, NewVersion, Cause, RunId, LoadedAt
)
WITH PublishedCell AS (
    SELECT
        StageCell.Measure,
        StageCell.Period,
        StageCell.ScenarioKey,
        StageCell.DepartmentKey,
        StageCell.AccountKey,
        StageCell.OldAmount,
        StageCell.NewAmount
    FROM StageCell
    LEFT JOIN StageEarlierMeasure
        ON StageEarlierMeasure.Measure = StageCell.Measure
        AND StageEarlierMeasure.Period = StageCell.Period
        AND StageEarlierMeasure.ScenarioKey = StageCell.ScenarioKey
    WHERE NOT StageCell.IsFirst OR StageEarlierMeasure.Period IS NOT NULL
),

ChangedCell AS (
    SELECT PublishedCell.*, Attribute, IsName, OldValue, NewValue, OldVersion, NewVersion, Cause
    FROM PublishedCell
    INNER JOIN StageReclassification ON StageReclassification.Period = PublishedCell.Period

    UNION ALL

    SELECT PublishedCell.*, Attribute, IsName, OldValue, NewValue, OldVersion, NewVersion, Cause
    FROM PublishedCell
    INNER JOIN StageReclassification ON StageReclassification.ScenarioKey = PublishedCell.ScenarioKey

    UNION ALL

    SELECT PublishedCell.*, Attribute, IsName, OldValue, NewValue, OldVersion, NewVersion, Cause
    FROM PublishedCell
    INNER JOIN StageReclassification
        ON
            StageReclassification.DepartmentKey = PublishedCell.DepartmentKey
            AND PublishedCell.Period BETWEEN StageReclassification.ValidFrom AND StageReclassification.ValidTo

    UNION ALL

    SELECT PublishedCell.*, Attribute, IsName, OldValue, NewValue, OldVersion, NewVersion, Cause
    FROM PublishedCell
    INNER JOIN StageReclassification
        ON
            StageReclassification.AccountKey = PublishedCell.AccountKey
            AND PublishedCell.Period BETWEEN StageReclassification.ValidFrom AND StageReclassification.ValidTo
)

SELECT
    CAST(:load_number AS BIGINT) AS LoadNumber,
    CASE WHEN ChangedCell.IsName THEN 'rename' ELSE 'reclassification' END AS Kind,
    ChangedCell.Measure,
    ChangedCell.Period,
    ChangedCell.ScenarioKey,
    ChangedCell.DepartmentKey,
    ChangedCell.AccountKey,
    ChangedCell.Attribute,
    ChangedCell.OldValue,
    ChangedCell.NewValue,
    ChangedCell.OldAmount,
    ChangedCell.NewAmount,
    ChangedCell.NewAmount - ChangedCell.OldAmount AS Difference,
    COALESCE(StageSlice.IsClosed, FALSE) AND NOT ChangedCell.IsName AS IsRestatement,
    ChangedCell.OldVersion,
    ChangedCell.NewVersion,
    ChangedCell.Cause,
    CAST(:run_id AS VARCHAR(64)) AS RunId,
    CAST(:loaded_at AS TIMESTAMP) AS LoadedAt
FROM ChangedCell
LEFT JOIN StageSlice ON StageSlice.TableName = 'FactFinancials' AND StageSlice.Slice = ChangedCell.Period;
