-- Row-level security: in tables with a department, a partner sees only the rows of their own business units.
--
-- A user without a policy sees no row, not even the owner of the tables; superusers and users with IGNORE RLS or
-- sys:secadmin see all. Policies of several roles are combined by AND, so a partner who is also an analyst still sees
-- only a partner's rows. Tables are named with their schema, since every reader has a search path of their own.

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

ATTACH RLS POLICY finance_every_row ON Commentary TO ROLE finance_loader;

ATTACH RLS POLICY finance_every_row ON Commentary TO ROLE finance_controller;

ATTACH RLS POLICY finance_every_row ON Commentary TO ROLE finance_analyst;

ATTACH RLS POLICY finance_own_departments ON Commentary TO ROLE finance_partner;

ALTER TABLE Commentary ROW LEVEL SECURITY ON;

ATTACH RLS POLICY finance_every_row ON DepartmentHistory TO ROLE finance_loader;

ATTACH RLS POLICY finance_every_row ON DepartmentHistory TO ROLE finance_controller;

ATTACH RLS POLICY finance_every_row ON DepartmentHistory TO ROLE finance_analyst;

ATTACH RLS POLICY finance_own_departments ON DepartmentHistory TO ROLE finance_partner;

ALTER TABLE DepartmentHistory ROW LEVEL SECURITY ON;

ATTACH RLS POLICY finance_every_row ON DepartmentReorganisation TO ROLE finance_loader;

ATTACH RLS POLICY finance_every_row ON DepartmentReorganisation TO ROLE finance_controller;

ATTACH RLS POLICY finance_every_row ON DepartmentReorganisation TO ROLE finance_analyst;

ATTACH RLS POLICY finance_own_departments ON DepartmentReorganisation TO ROLE finance_partner;

ALTER TABLE DepartmentReorganisation ROW LEVEL SECURITY ON;

ATTACH RLS POLICY finance_every_row ON DepartmentMapping TO ROLE finance_loader;

ATTACH RLS POLICY finance_every_row ON DepartmentMapping TO ROLE finance_controller;

ATTACH RLS POLICY finance_every_row ON DepartmentMapping TO ROLE finance_analyst;

ATTACH RLS POLICY finance_own_departments ON DepartmentMapping TO ROLE finance_partner;

ALTER TABLE DepartmentMapping ROW LEVEL SECURITY ON;
