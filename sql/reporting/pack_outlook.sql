-- Grain: one accounting period that is complete or has a plan: the scenario that its outlook comes from.

SELECT Period, ScenarioKey
FROM OutlookSource
ORDER BY Period;
