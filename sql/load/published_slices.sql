-- Grain: one row per slice that is published now; none for a slice that its last load removed.

WITH LastLoad AS (
    SELECT TableName, Slice, MAX(LoadNumber) AS LoadNumber
    FROM LoadLedger
    GROUP BY TableName, Slice
)

SELECT
    LoadLedger.TableName,
    LoadLedger.Slice,
    LoadLedger.Version,
    LoadLedger.RowCount,
    LoadLedger.Amount,
    LoadLedger.LoadedAt,
    LoadLedger.LoadNumber
FROM LoadLedger
INNER JOIN LastLoad
    ON LastLoad.TableName = LoadLedger.TableName
    AND LastLoad.Slice = LoadLedger.Slice
    AND LastLoad.LoadNumber = LoadLedger.LoadNumber
WHERE NOT LoadLedger.IsRemoved;
