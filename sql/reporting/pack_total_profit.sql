-- Grain: one horizon and business unit: revenue, profit and investments of scenario and reference; :unit blank for all.
--
-- Money without a type is a cost, as on the statement; investments are as in CapExVsPlan.

SELECT
    HorizonOrder,
    BusinessUnit,
    CAST(SUM(CASE WHEN AccountType = 'Revenue' THEN Amount ELSE 0 END) AS DECIMAL(38, 2)) AS Revenue,
    CAST(SUM(CASE WHEN AccountType = 'Revenue' THEN ReferenceAmount ELSE 0 END) AS DECIMAL(38, 2)) AS ReferenceRevenue,
    CAST(
        SUM(
            CASE
                WHEN AccountType = 'Revenue' THEN Amount
                WHEN AccountType IN ('Expense', 'Unknown') THEN -Amount
                ELSE 0
            END
        ) AS DECIMAL(38, 2)
    ) AS Profit,
    CAST(
        SUM(
            CASE
                WHEN AccountType = 'Revenue' THEN ReferenceAmount
                WHEN AccountType IN ('Expense', 'Unknown') THEN -ReferenceAmount
                ELSE 0
            END
        ) AS DECIMAL(38, 2)
    ) AS ReferenceProfit,
    CAST(
        SUM(CASE WHEN AccountType = 'Asset' AND LOWER(Category) = 'capex' THEN Amount ELSE 0 END) AS DECIMAL(38, 2)
    ) AS CapEx,
    CAST(
        SUM(
            CASE WHEN AccountType = 'Asset' AND LOWER(Category) = 'capex' THEN ReferenceAmount ELSE 0 END
        ) AS DECIMAL(38, 2)
    ) AS ReferenceCapEx
FROM VarianceByHorizon
WHERE
    AsOfPeriod = :period
    AND ScenarioName = :scenario
    AND ReferenceName = :reference
    AND (:unit = '' OR BusinessUnit = :unit)
GROUP BY HorizonOrder, BusinessUnit
ORDER BY HorizonOrder, BusinessUnit;
