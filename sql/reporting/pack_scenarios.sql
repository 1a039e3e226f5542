-- Grain: one scenario and accounting period that it covers; one row with NULL for a scenario that covers none.

SELECT
    DimScenario.ScenarioKey,
    DimScenario.ScenarioName,
    DimScenario.ScenarioType,
    DimScenario.IsBaseline,
    ScenarioPeriod.Period
FROM DimScenario
LEFT JOIN ScenarioPeriod ON ScenarioPeriod.ScenarioKey = DimScenario.ScenarioKey AND ScenarioPeriod.IsCovered
ORDER BY DimScenario.ScenarioName, DimScenario.ScenarioKey, ScenarioPeriod.Period;
