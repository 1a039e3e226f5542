SELECT Period, DimDepartment.BusinessUnit, SUM(Actual * ActualVsBudget.ProfitSign) AS Profit
FROM ActualVsBudget INNER JOIN DimDepartment ON DimDepartment.DepartmentCode = ActualVsBudget.DepartmentCode
GROUP BY Period, DimDepartment.BusinessUnit ORDER BY Period, DimDepartment.BusinessUnit;
