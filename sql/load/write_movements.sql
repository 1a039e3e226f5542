-- Grain: one cell (measure, scenario, period, department, account) whose amount or lines this load changes.
--
-- Lines that enter or leave without changing the amount are a movement of 0.00, with the number of lines before and after; in a
-- cell without money, none or some. The first amounts of a scenario in a period that was published without it are of kind
-- publication. The names are those before the load: a member may go with its last movement.

INSERT INTO Movements (
    LoadNumber, Kind, Measure, Period, ScenarioKey, DepartmentKey, AccountKey, Attribute, OldValue, NewValue,
    OldAmount, NewAmount, Difference, IsRestatement, OldVersion, NewVersion, Cause, RunId, LoadedAt,
    ScenarioName, DepartmentCode, AccountNumber
)
WITH MovedCell AS (
    SELECT
        StageCell.*,
        CASE
            WHEN OldAmount <> NewAmount THEN NULL
            WHEN NOT HasMoney AND HadLines <> HasLines THEN 'existence'
            WHEN OldCount <> NewCount THEN 'number'
        END AS ChangeOfLines,
        StageCell.IsFirst AND StageEarlierMeasure.Period IS NULL AS IsPublication
    FROM StageCell
    LEFT JOIN StageEarlierMeasure
        ON StageEarlierMeasure.Measure = StageCell.Measure
        AND StageEarlierMeasure.Period = StageCell.Period
        AND StageEarlierMeasure.ScenarioKey = StageCell.ScenarioKey
)

SELECT
    CAST(:load_number AS BIGINT) AS LoadNumber,
    CASE WHEN MovedCell.IsPublication THEN 'publication' ELSE 'movement' END AS Kind,
    MovedCell.Measure,
    MovedCell.Period,
    MovedCell.ScenarioKey,
    MovedCell.DepartmentKey,
    MovedCell.AccountKey,
    CASE WHEN MovedCell.ChangeOfLines IS NOT NULL THEN 'Lines' END AS Attribute,
    CASE
        WHEN MovedCell.ChangeOfLines = 'number' THEN CAST(MovedCell.OldCount AS VARCHAR(256))
        WHEN MovedCell.ChangeOfLines = 'existence' THEN CASE WHEN MovedCell.HadLines THEN 'some' ELSE 'none' END
    END AS OldValue,
    CASE
        WHEN MovedCell.ChangeOfLines = 'number' THEN CAST(MovedCell.NewCount AS VARCHAR(256))
        WHEN MovedCell.ChangeOfLines = 'existence' THEN CASE WHEN MovedCell.HasLines THEN 'some' ELSE 'none' END
    END AS NewValue,
    MovedCell.OldAmount,
    MovedCell.NewAmount,
    MovedCell.NewAmount - MovedCell.OldAmount AS Difference,
    StageSlice.IsClosed AS IsRestatement,
    StageSlice.OldVersion,
    StageSlice.NewVersion,
    StageSlice.Cause,
    CAST(:run_id AS VARCHAR(64)) AS RunId,
    CAST(:loaded_at AS TIMESTAMP) AS LoadedAt,
    DimScenario.ScenarioName,
    DimDepartment.DepartmentCode,
    DimAccount.AccountNumber
FROM MovedCell
INNER JOIN StageSlice ON StageSlice.TableName = 'FactFinancials' AND StageSlice.Slice = MovedCell.Period
LEFT JOIN DimScenario ON DimScenario.ScenarioKey = MovedCell.ScenarioKey
LEFT JOIN DimDepartment ON DimDepartment.DepartmentKey = MovedCell.DepartmentKey
LEFT JOIN DimAccount ON DimAccount.AccountKey = MovedCell.AccountKey
WHERE MovedCell.OldAmount <> MovedCell.NewAmount OR MovedCell.ChangeOfLines IS NOT NULL;
