-- Grain: one row per accounting period, scenario, and account type Revenue or Expense, which are never added to each other.

SELECT
    Period,
    ScenarioName,
    AccountType,
    SUM(Amount) AS Amount
FROM PeriodAmount
WHERE AccountType IN ('Revenue', 'Expense') AND Measure = 'flow'
GROUP BY Period, ScenarioName, AccountType
ORDER BY Period, ScenarioName, AccountType;
