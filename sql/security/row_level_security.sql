-- Row-level security: of what has a department, a partner sees the rows of the business units that are theirs.
--
-- Where it is on, whoever has no policy sees no row, the tables' owner too; superusers and whoever has IGNORE RLS or
-- sys:secadmin see all. Policies that one user has through several roles are joined by AND, so a partner who is made an
-- analyst as well still sees a partner's rows. Tables are named with their schema: a reader's search path is their own.

CREATE RLS POLICY finance_every_row
USING (TRUE);

CREATE RLS POLICY finance_own_departments
WITH (DepartmentKey BIGINT)
USING (
    DepartmentKey IN (
        SELECT DepartmentUnit.DepartmentKey
        FROM ${schema}.DepartmentUnit
        WHERE DepartmentUnit.BusinessUnit IN (
            SELECT BusinessUnitAccess.BusinessUnit
            FROM ${schema}.BusinessUnitAccess
            WHERE BusinessUnitAccess.UserName = current_user
        )
    )
);

GRANT SELECT ON TABLE DepartmentUnit, BusinessUnitAccess TO RLS POLICY finance_own_departments;

ATTACH RLS POLICY finance_every_row ON DimDepartment TO ROLE finance_loader;

ATTACH RLS POLICY finance_every_row ON DimDepartment TO ROLE finance_controller;

ATTACH RLS POLICY finance_every_row ON DimDepartment TO ROLE finance_analyst;

ATTACH RLS POLICY finance_own_departments ON DimDepartment TO ROLE finance_partner;

ALTER TABLE DimDepartment ROW LEVEL SECURITY ON;

ATTACH RLS POLICY finance_every_row ON FactFinancials TO ROLE finance_loader;

ATTACH RLS POLICY finance_every_row ON FactFinancials TO ROLE finance_controller;

ATTACH RLS POLICY finance_every_row ON FactFinancials TO ROLE finance_analyst;

ATTACH RLS POLICY finance_own_departments ON FactFinancials TO ROLE finance_partner;

ALTER TABLE FactFinancials ROW LEVEL SECURITY ON;

ATTACH RLS POLICY finance_every_row ON Movements TO ROLE finance_loader;

ATTACH RLS POLICY finance_every_row ON Movements TO ROLE finance_controller;

ATTACH RLS POLICY finance_every_row ON Movements TO ROLE finance_analyst;

ATTACH RLS POLICY finance_own_departments ON Movements TO ROLE finance_partner;

ALTER TABLE Movements ROW LEVEL SECURITY ON;
