-- Grain: one row per as-of period, horizon, business unit, line of the statement, scenario and reference.
-- Columns to fix before summing: AsOfPeriod, Horizon, LineOrder, ScenarioName, ReferenceName.
--
-- VarianceByHorizon on the lines of the statement; subtotals are lines too. Costs are positive; subtotals, and lines of
-- the section Non-operating, are effects on profit. Impact is favourable if it is positive, on every line.

CREATE OR REPLACE VIEW ProfitAndLossByHorizon AS
SELECT
    VarianceByHorizon.AsOfPeriod,
    VarianceByHorizon.FiscalYear,
    VarianceByHorizon.Horizon,
    VarianceByHorizon.HorizonOrder,
    VarianceByHorizon.BusinessUnit,
    StatementLine.LineOrder,
    StatementLine.Section,
    StatementLine.Line,
    StatementLine.IsSubtotal,
    StatementLine.LineSign,
    VarianceByHorizon.ScenarioName,
    VarianceByHorizon.ReferenceName,
    CAST(SUM(VarianceByHorizon.Amount * StatementLine.Factor) AS DECIMAL(38, 2)) AS Amount,
    CAST(SUM(VarianceByHorizon.ReferenceAmount * StatementLine.Factor) AS DECIMAL(38, 2)) AS ReferenceAmount,
    CAST(SUM(VarianceByHorizon.ComparedAmount * StatementLine.Factor) AS DECIMAL(38, 2)) AS ComparedAmount,
    CAST(SUM(VarianceByHorizon.ComparedReference * StatementLine.Factor) AS DECIMAL(38, 2)) AS ComparedReference,
    CAST(SUM(VarianceByHorizon.Variance * StatementLine.Factor) AS DECIMAL(38, 2)) AS Variance,
    CAST(SUM(VarianceByHorizon.Variance * StatementLine.Factor * StatementLine.LineSign) AS DECIMAL(38, 2)) AS Impact,
    VarianceByHorizon.Periods,
    VarianceByHorizon.OutlookPeriods,
    VarianceByHorizon.ComparedPeriods,
    VarianceByHorizon.IsComplete
FROM VarianceByHorizon
INNER JOIN StatementLine ON StatementLine.AccountClassKey = VarianceByHorizon.AccountClassKey
GROUP BY
    VarianceByHorizon.AsOfPeriod,
    VarianceByHorizon.FiscalYear,
    VarianceByHorizon.Horizon,
    VarianceByHorizon.HorizonOrder,
    VarianceByHorizon.BusinessUnit,
    StatementLine.LineOrder,
    StatementLine.Section,
    StatementLine.Line,
    StatementLine.IsSubtotal,
    StatementLine.LineSign,
    VarianceByHorizon.ScenarioName,
    VarianceByHorizon.ReferenceName,
    VarianceByHorizon.Periods,
    VarianceByHorizon.OutlookPeriods,
    VarianceByHorizon.ComparedPeriods,
    VarianceByHorizon.IsComplete;
