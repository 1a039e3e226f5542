-- Grain: one row, the number of departments whose business unit row-level security reads.

SELECT COUNT(*) AS Departments
FROM DepartmentUnit;
