-- Grain: one row per accounting period, department, account and plan, where Actual has lines and the plan has none.
-- Columns to fix before summing: ReferenceName, AccountType.
--
-- Only periods that both cover: in others, the plan has no lines at all.

CREATE OR REPLACE VIEW UnbudgetedActual AS
SELECT
    ScenarioComparison.Period,
    ScenarioComparison.FiscalYear,
    ScenarioComparison.FiscalQuarter,
    ScenarioComparison.FiscalPeriod,
    ScenarioComparison.DepartmentKey,
    ScenarioComparison.DepartmentCode,
    ScenarioComparison.DepartmentName,
    ScenarioComparison.BusinessUnit,
    ScenarioComparison.AccountKey,
    ScenarioComparison.AccountNumber,
    ScenarioComparison.AccountName,
    ScenarioComparison.AccountType,
    ScenarioComparison.Category,
    ScenarioComparison.ProfitSign,
    ScenarioComparison.Section,
    ScenarioComparison.Line,
    ScenarioComparison.LineOrder,
    ScenarioComparison.ReferenceName,
    ScenarioComparison.Amount,
    ScenarioComparison.Impact,
    ScenarioComparison.IsComplete
FROM ScenarioComparison
INNER JOIN DimScenario AS Scenario ON Scenario.ScenarioName = ScenarioComparison.ScenarioName
INNER JOIN DimScenario AS Plan ON Plan.ScenarioName = ScenarioComparison.ReferenceName
WHERE Scenario.ScenarioType = 'Actual' AND Plan.ScenarioType <> 'Actual' AND ScenarioComparison.IsUnbudgeted;
