-- Copies the business unit of each department from DimDepartment; runs at the end of every load.

DELETE FROM DepartmentUnit;

INSERT INTO DepartmentUnit (DepartmentKey, BusinessUnit)
SELECT
    DimDepartment.DepartmentKey,
    DimDepartment.BusinessUnit
FROM DimDepartment;
