-- Grain: one row per accounting period of the horizon :horizon as seen from :period, of a scenario and reference.

SELECT
    Period,
    AmountKey,
    ReferencePeriod,
    ReferenceAmountKey,
    IsCompared
FROM HorizonPeriod
WHERE
    AsOfPeriod = :period
    AND Horizon = :horizon
    AND ScenarioName = :scenario
    AND ReferenceName = :reference
ORDER BY Period;
