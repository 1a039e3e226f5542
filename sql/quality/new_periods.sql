-- Grain: one accounting period that was first published in the three months up to the last load; none in most homes.

SELECT LoadLedger.Slice AS Period
FROM LoadLedger
WHERE LoadLedger.TableName = 'FactFinancials'
GROUP BY LoadLedger.Slice
HAVING MIN(LoadLedger.LoadedAt) > (SELECT MAX(LoadedAt) - INTERVAL '92 days' FROM LoadLedger)
ORDER BY LoadLedger.Slice;
