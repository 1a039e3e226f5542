-- Grain: one row, how many departments whoever asks sees, and how many are published.

SELECT
    (SELECT COUNT(*) FROM DimDepartment) AS Seen,
    (
        SELECT COALESCE(SUM(LoadLedger.RowCount), 0)
        FROM LoadLedger
        INNER JOIN (SELECT MAX(LoadNumber) AS LoadNumber FROM LoadLedger WHERE TableName = 'DimDepartment') AS LastLoad
            ON LastLoad.LoadNumber = LoadLedger.LoadNumber
        WHERE LoadLedger.TableName = 'DimDepartment'
    ) AS Published;
