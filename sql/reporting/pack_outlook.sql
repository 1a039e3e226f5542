-- Grain: one accounting period and the scenario that the outlook takes there.

SELECT DISTINCT Period, ScenarioName
FROM Outlook
ORDER BY Period, ScenarioName;
