-- Grain: one row per period and department of the fact table, with the number of Actual lines; possibly 0.

SELECT
    DimDate.YearMonth AS Period,
    FactFinancials.DepartmentKey,
    CAST(
        SUM(CASE WHEN DimScenario.ScenarioType = 'Actual' THEN FactFinancials.TransactionCount ELSE 0 END) AS BIGINT
    ) AS LineCount
FROM FactFinancials
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
GROUP BY DimDate.YearMonth, FactFinancials.DepartmentKey
ORDER BY Period, DepartmentKey;
