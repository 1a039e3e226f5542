-- Which business unit each department belongs to, as DimDepartment says; run at the end of every load.

DELETE FROM DepartmentUnit;

INSERT INTO DepartmentUnit (DepartmentKey, BusinessUnit)
SELECT
    DimDepartment.DepartmentKey,
    DimDepartment.BusinessUnit
FROM DimDepartment;
