-- Grain: one period and scenario of the fact table that has ledger lines, as stored.

SELECT Period, ScenarioKey, LineCount, IsCovered
FROM ScenarioPeriod
ORDER BY Period, ScenarioKey;
