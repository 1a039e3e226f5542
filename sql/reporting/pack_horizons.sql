-- Grain: one horizon, reference and accounting period of the horizon.

SELECT HorizonOrder, ReferenceName, Period, ReferencePeriod, AmountKey, ReferenceAmountKey, IsCompared
FROM HorizonPeriod
WHERE
    AsOfPeriod = :period
    AND ScenarioName = :scenario
    AND ReferenceName IN (:reference, 'Prior Year')
ORDER BY HorizonOrder, ReferenceName, Period;
