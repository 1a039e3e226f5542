SELECT Period, BusinessUnit, SUM(Actual * ProfitSign) AS Profit, SUM(Budget * ProfitSign) AS PlannedProfit
FROM ActualVsBudget GROUP BY Period, BusinessUnit ORDER BY Period, BusinessUnit;
