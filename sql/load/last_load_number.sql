-- Grain: one row, the number of the last load; 0 before the first.

SELECT COALESCE(MAX(LoadNumber), 0) AS LoadNumber
FROM LoadLedger;
