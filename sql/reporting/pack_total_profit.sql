-- Grain: one horizon and business unit: revenue and profit of scenario and reference; :unit blank for all.
--
-- Money without a type is a cost, as on the statement.

SELECT
    HorizonOrder,
    BusinessUnit,
    CAST(SUM(CASE WHEN AccountType = 'Revenue' THEN Amount ELSE 0 END) AS DECIMAL(38, 2)) AS Revenue,
    CAST(SUM(CASE WHEN AccountType = 'Revenue' THEN ReferenceAmount ELSE 0 END) AS DECIMAL(38, 2)) AS ReferenceRevenue,
    CAST(SUM(CASE WHEN AccountType = 'Revenue' THEN Amount ELSE -Amount END) AS DECIMAL(38, 2)) AS Profit,
    CAST(
        SUM(CASE WHEN AccountType = 'Revenue' THEN ReferenceAmount ELSE -ReferenceAmount END) AS DECIMAL(38, 2)
    ) AS ReferenceProfit
FROM VarianceByHorizon
WHERE
    AsOfPeriod = :period
    AND ScenarioName = :scenario
    AND ReferenceName = :reference
    AND AccountType IN ('Revenue', 'Expense', 'Unknown')
    AND (:unit = '' OR BusinessUnit = :unit)
GROUP BY HorizonOrder, BusinessUnit
ORDER BY HorizonOrder, BusinessUnit;
