-- Grain: one user and business unit that the user may see.

SELECT UserName, BusinessUnit
FROM BusinessUnitAccess;
