-- Grain: one threshold; NULL in AccountKey for the home's.

SELECT AccountKey, MinimumAmount, MinimumPercent
FROM Materiality
ORDER BY AccountKey;
