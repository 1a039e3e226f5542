-- Grain: one department that ledger lines mention and no reference file describes; none is a pass.

SELECT
    DimDepartment.DepartmentCode,
    CAST(SUM(FactFinancials.TransactionCount) AS BIGINT) AS Lines
FROM DimDepartment
INNER JOIN FactFinancials ON FactFinancials.DepartmentKey = DimDepartment.DepartmentKey
WHERE DimDepartment.IsInferred
GROUP BY DimDepartment.DepartmentCode
ORDER BY DimDepartment.DepartmentCode;
