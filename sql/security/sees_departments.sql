-- Grain: one row, the number of departments visible to the current user, and the number published.

SELECT
    (SELECT COUNT(*) FROM DimDepartment) AS Seen,
    (
        SELECT COALESCE(SUM(LoadLedger.RowCount), 0)
        FROM LoadLedger
        INNER JOIN (SELECT MAX(LoadNumber) AS LoadNumber FROM LoadLedger WHERE TableName = 'DimDepartment') AS LastLoad
            ON LastLoad.LoadNumber = LoadLedger.LoadNumber
        WHERE LoadLedger.TableName = 'DimDepartment'
    ) AS Published;
