-- Grain: one horizon: capital expenditure of scenario and reference; :unit blank for all.

SELECT
    HorizonOrder,
    CAST(SUM(Amount) AS DECIMAL(38, 2)) AS Amount,
    CAST(SUM(ReferenceAmount) AS DECIMAL(38, 2)) AS ReferenceAmount
FROM CapExVsPlan
WHERE
    AsOfPeriod = :period
    AND ScenarioName = :scenario
    AND ReferenceName = :reference
    AND (:unit = '' OR BusinessUnit = :unit)
GROUP BY HorizonOrder
ORDER BY HorizonOrder;
