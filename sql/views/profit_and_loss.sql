-- Grain: one row per accounting period, business unit, line of the statement and scenario; subtotals are lines too.
-- Columns to fix before summing: LineOrder, ScenarioName.
--
-- Costs are positive; subtotals, and lines of the section Non-operating, are effects on profit.

CREATE OR REPLACE VIEW ProfitAndLoss AS
SELECT
    PeriodAmount.Period,
    PeriodAmount.FiscalYear,
    PeriodAmount.FiscalQuarter,
    PeriodAmount.FiscalPeriod,
    PeriodAmount.BusinessUnit,
    StatementLine.LineOrder,
    StatementLine.Section,
    StatementLine.Line,
    StatementLine.IsSubtotal,
    StatementLine.LineSign,
    PeriodAmount.ScenarioName,
    PeriodAmount.ScenarioType,
    PeriodAmount.IsBaseline,
    CAST(SUM(PeriodAmount.Amount * StatementLine.Factor) AS DECIMAL(38, 2)) AS Amount,
    PeriodAmount.IsComplete
FROM PeriodAmount
INNER JOIN StatementLine ON StatementLine.AccountClassKey = PeriodAmount.AccountClassKey
GROUP BY
    PeriodAmount.Period,
    PeriodAmount.FiscalYear,
    PeriodAmount.FiscalQuarter,
    PeriodAmount.FiscalPeriod,
    PeriodAmount.BusinessUnit,
    StatementLine.LineOrder,
    StatementLine.Section,
    StatementLine.Line,
    StatementLine.IsSubtotal,
    StatementLine.LineSign,
    PeriodAmount.ScenarioName,
    PeriodAmount.ScenarioType,
    PeriodAmount.IsBaseline,
    PeriodAmount.IsComplete;
