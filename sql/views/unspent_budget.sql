-- Grain: one row per accounting period, department, account and plan, where the plan has lines and Actual has none.
-- Columns to fix before summing: ReferenceName, AccountType.
--
-- Only periods that both cover: in others, Actual is yet to come.

CREATE OR REPLACE VIEW UnspentBudget AS
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
    ScenarioComparison.ReferenceAmount,
    ScenarioComparison.Impact,
    ScenarioComparison.IsComplete
FROM ScenarioComparison
INNER JOIN DimScenario AS Scenario ON Scenario.ScenarioName = ScenarioComparison.ScenarioName
INNER JOIN DimScenario AS Plan ON Plan.ScenarioName = ScenarioComparison.ReferenceName
WHERE Scenario.ScenarioType = 'Actual' AND Plan.ScenarioType <> 'Actual' AND ScenarioComparison.IsUnspent;
