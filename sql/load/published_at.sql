-- Grain: one row per slice that was published at :at; none for a slice that its last load until then removed.

WITH LastLoad AS (
    SELECT TableName, Slice, MAX(LoadNumber) AS LoadNumber
    FROM LoadLedger
    WHERE LoadedAt <= :at
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
