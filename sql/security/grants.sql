-- Grants: the minimum for each role. Only the loader writes, and the loader neither creates nor drops.
--
-- finance_loader: the reads and writes of a load. The load ledger and the movements are append-only; LOCK requires
-- DELETE on the ledger.
-- finance_controller: reads everything. finance_analyst, finance_partner: the star, its view, the movements, the
-- status of periods.

GRANT USAGE ON SCHEMA ${schema} TO ROLE finance_loader, ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

GRANT TEMPORARY ON DATABASE ${database} TO ROLE finance_loader;

GRANT SELECT, INSERT, DELETE ON TABLE DimDate, DimDepartment, DimAccount, DimScenario, FactFinancials TO ROLE finance_loader;

GRANT SELECT, INSERT, DELETE ON TABLE LoadLedger, PeriodStatus, DepartmentUnit TO ROLE finance_loader;

GRANT SELECT, INSERT ON TABLE Movements TO ROLE finance_loader;

GRANT SELECT ON TABLE SchemaVersion, ActualVsBudget TO ROLE finance_loader;

GRANT SELECT ON TABLE DimDate, DimDepartment, DimAccount, DimScenario, FactFinancials, ActualVsBudget, Movements, PeriodStatus TO ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

GRANT SELECT ON TABLE LoadLedger, SchemaVersion, BusinessUnitAccess, DepartmentUnit TO ROLE finance_controller;

REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} FROM ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC, ROLE finance_loader, ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;
