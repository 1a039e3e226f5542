-- Grain: one row, the number of staged cells for whose measure, scenario and period the fact table has no amount.

SELECT COUNT(*) AS Cells
FROM StageCell
WHERE IsFirst;
