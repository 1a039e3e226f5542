-- Grain: one row, how many departments whoever asks sees, and how often they were published.

SELECT
    (SELECT COUNT(*) FROM DimDepartment) AS Seen,
    (SELECT COUNT(*) FROM LoadLedger WHERE LoadLedger.TableName = 'DimDepartment') AS Published;
