-- Grants: the minimum for each role. Only the loader writes, and the loader neither creates nor drops.
--
-- finance_loader: the reads and writes of a load; it reads who may see what, to record it, and cannot change it. The
-- load ledger and the movements are append-only; LOCK requires DELETE on the ledger.
-- finance_controller: reads everything. finance_analyst, finance_partner: the star, the views and the small tables that
-- they join, the movements, the status of periods; a partner not the money of rejected rows, decisions, restatements and
-- delivered balances, which has no department.
-- The loader reads the views because it writes the reports.

GRANT USAGE ON SCHEMA ${schema} TO ROLE finance_loader, ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

GRANT TEMPORARY ON DATABASE ${database} TO ROLE finance_loader;

GRANT SELECT, INSERT, DELETE ON TABLE DimDate, DimDepartment, DimAccount, DimScenario, FactFinancials TO ROLE finance_loader;

GRANT SELECT, INSERT, DELETE ON TABLE LoadLedger, PeriodStatus, DepartmentUnit TO ROLE finance_loader;

GRANT SELECT, INSERT, DELETE ON TABLE DepartmentHistory, AccountHistory, DepartmentReorganisation, DepartmentMapping, ScenarioPeriod, WaitingChange, StatementMapping, Commentary, Materiality, DeliveredBalance, FeedTerm, RejectedFile, FeedPeriod, SignedClose, DecisionAmount, RestatementStep TO ROLE finance_loader;

GRANT SELECT, INSERT ON TABLE Movements TO ROLE finance_loader;

GRANT SELECT ON TABLE SchemaVersion, BusinessUnitAccess TO ROLE finance_loader;

GRANT SELECT ON TABLE DimDate, DimDepartment, DimAccount, DimScenario, FactFinancials, Movements, PeriodStatus, DepartmentHistory, AccountHistory, DepartmentReorganisation, DepartmentMapping, ScenarioPeriod, WaitingChange, StatementMapping, Commentary, Materiality, FeedPeriod, SignedClose TO ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

GRANT SELECT ON TABLE DepartmentSpan, AccountSpan, DepartmentClass, AccountClass, ActualVsBudget, PeriodCalendar, ComparablePeriod, StatementLine, PeriodAmount, StructureAmount, ScenarioComparison, UnbudgetedActual, UnspentBudget, OutlookSource, Outlook, HorizonPeriod, HorizonSpan, VarianceByHorizon, ProfitAndLoss, ProfitAndLossByHorizon, Kpi, VarianceBridge, TopVariance, CapExVsPlan, ForecastAccuracy, Unclassified, DepartmentTree, AccountTree, PlanVersion, FeedCompleteness, SignedAmount TO ROLE finance_loader, ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

GRANT SELECT ON TABLE TrialBalance, RejectedMoney, DecisionLog, Restatement TO ROLE finance_loader, ROLE finance_controller, ROLE finance_analyst;

GRANT SELECT ON TABLE DeliveredBalance, FeedTerm, RejectedFile, DecisionAmount, RestatementStep TO ROLE finance_controller, ROLE finance_analyst;

GRANT SELECT ON TABLE LoadLedger, SchemaVersion, BusinessUnitAccess, DepartmentUnit TO ROLE finance_controller;

REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} FROM ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;

REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC, ROLE finance_loader, ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;
