-- Grain: one row per period, department and scenario of the fact table, with the number of its lines; possibly 0.

SELECT
    DimDate.YearMonth AS Period,
    FactFinancials.DepartmentKey,
    FactFinancials.ScenarioKey,
    DimScenario.ScenarioType,
    CAST(SUM(FactFinancials.TransactionCount) AS BIGINT) AS LineCount
FROM FactFinancials
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
GROUP BY DimDate.YearMonth, FactFinancials.DepartmentKey, FactFinancials.ScenarioKey, DimScenario.ScenarioType
ORDER BY Period, DepartmentKey, ScenarioKey;
