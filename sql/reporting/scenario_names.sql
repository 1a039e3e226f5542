-- Grain: one scenario.

SELECT ScenarioKey, ScenarioName
FROM DimScenario
ORDER BY ScenarioName;
