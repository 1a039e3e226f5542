-- Grain: one row, the number of attributes that this load changes.

SELECT COUNT(*) AS Attributes
FROM StageReclassification;
