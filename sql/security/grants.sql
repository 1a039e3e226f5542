-- Grants: the least that each role needs. Nobody but the loader writes, and the loader neither creates nor drops.
--
-- finance_loader: what a load reads and writes. The load ledger and the movements are appended to; DELETE on the
-- ledger is what LOCK asks for.
-- finance_controller: reads everything. finance_analyst, finance_partner: the star, its view, what moved.

GRANT USAGE ON SCHEMA ${schema} TO ROLE finance_loader, ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

GRANT TEMPORARY ON DATABASE ${database} TO ROLE finance_loader;

GRANT SELECT, INSERT, DELETE ON TABLE DimDate, DimDepartment, DimAccount, DimScenario, FactFinancials TO ROLE finance_loader;

GRANT SELECT, INSERT, DELETE ON TABLE LoadLedger, DepartmentUnit TO ROLE finance_loader;

GRANT SELECT, INSERT ON TABLE Movements TO ROLE finance_loader;

GRANT SELECT ON TABLE SchemaVersion, ActualVsBudget TO ROLE finance_loader;

GRANT SELECT ON TABLE DimDate, DimDepartment, DimAccount, DimScenario, FactFinancials, ActualVsBudget, Movements TO ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

GRANT SELECT ON TABLE LoadLedger, SchemaVersion, BusinessUnitAccess, DepartmentUnit TO ROLE finance_controller;

REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} FROM ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC, ROLE finance_loader, ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;
