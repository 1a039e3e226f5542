-- Grain: one horizon, reference and line of the statement, over business units or (:unit not blank) of one.

SELECT
    HorizonOrder,
    ReferenceName,
    LineOrder,
    SUM(Amount) AS Amount,
    SUM(ReferenceAmount) AS ReferenceAmount,
    SUM(ComparedAmount) AS ComparedAmount,
    SUM(ComparedReference) AS ComparedReference,
    SUM(Impact) AS Impact
FROM ProfitAndLossByHorizon
WHERE
    AsOfPeriod = :period
    AND ScenarioName = :scenario
    AND ReferenceName IN (:reference, 'Prior Year')
    AND (:unit = '' OR BusinessUnit = :unit)
GROUP BY HorizonOrder, ReferenceName, LineOrder
ORDER BY HorizonOrder, ReferenceName, LineOrder;
