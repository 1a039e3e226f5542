-- Grain: one row per as-of period, horizon, scenario, reference, step and business unit.
-- Columns to fix before summing: AsOfPeriod, Horizon, ScenarioName, ReferenceName, StepKind.
--
-- From the reference's profit (start) by line of the statement (step) to the scenario's (end), all of the periods that
-- both cover. Profit is after unclassified money, a cost and a step of its own, so that start and steps add up to end,
-- to the cent, for each business unit.

CREATE OR REPLACE VIEW VarianceBridge AS
SELECT
    ProfitAndLossByHorizon.AsOfPeriod,
    ProfitAndLossByHorizon.FiscalYear,
    ProfitAndLossByHorizon.Horizon,
    ProfitAndLossByHorizon.HorizonOrder,
    ProfitAndLossByHorizon.ScenarioName,
    ProfitAndLossByHorizon.ReferenceName,
    CAST('start' AS VARCHAR(8)) AS StepKind,
    0 AS StepOrder,
    CAST(ProfitAndLossByHorizon.ReferenceName AS VARCHAR(256)) AS Step,
    ProfitAndLossByHorizon.BusinessUnit,
    CAST(SUM(ProfitAndLossByHorizon.ComparedReference * ProfitAndLossByHorizon.LineSign) AS DECIMAL(38, 2)) AS Impact,
    ProfitAndLossByHorizon.Periods,
    ProfitAndLossByHorizon.OutlookPeriods,
    ProfitAndLossByHorizon.ComparedPeriods,
    ProfitAndLossByHorizon.IsComplete
FROM ProfitAndLossByHorizon
WHERE NOT ProfitAndLossByHorizon.IsSubtotal AND ProfitAndLossByHorizon.ComparedPeriods > 0
GROUP BY
    ProfitAndLossByHorizon.AsOfPeriod,
    ProfitAndLossByHorizon.FiscalYear,
    ProfitAndLossByHorizon.Horizon,
    ProfitAndLossByHorizon.HorizonOrder,
    ProfitAndLossByHorizon.ScenarioName,
    ProfitAndLossByHorizon.ReferenceName,
    ProfitAndLossByHorizon.BusinessUnit,
    ProfitAndLossByHorizon.Periods,
    ProfitAndLossByHorizon.OutlookPeriods,
    ProfitAndLossByHorizon.ComparedPeriods,
    ProfitAndLossByHorizon.IsComplete

UNION ALL

SELECT
    ProfitAndLossByHorizon.AsOfPeriod,
    ProfitAndLossByHorizon.FiscalYear,
    ProfitAndLossByHorizon.Horizon,
    ProfitAndLossByHorizon.HorizonOrder,
    ProfitAndLossByHorizon.ScenarioName,
    ProfitAndLossByHorizon.ReferenceName,
    CAST('step' AS VARCHAR(8)) AS StepKind,
    ProfitAndLossByHorizon.LineOrder AS StepOrder,
    ProfitAndLossByHorizon.Line AS Step,
    ProfitAndLossByHorizon.BusinessUnit,
    CAST(ProfitAndLossByHorizon.Impact AS DECIMAL(38, 2)) AS Impact,
    ProfitAndLossByHorizon.Periods,
    ProfitAndLossByHorizon.OutlookPeriods,
    ProfitAndLossByHorizon.ComparedPeriods,
    ProfitAndLossByHorizon.IsComplete
FROM ProfitAndLossByHorizon
WHERE NOT ProfitAndLossByHorizon.IsSubtotal AND ProfitAndLossByHorizon.ComparedPeriods > 0

UNION ALL

SELECT
    ProfitAndLossByHorizon.AsOfPeriod,
    ProfitAndLossByHorizon.FiscalYear,
    ProfitAndLossByHorizon.Horizon,
    ProfitAndLossByHorizon.HorizonOrder,
    ProfitAndLossByHorizon.ScenarioName,
    ProfitAndLossByHorizon.ReferenceName,
    CAST('end' AS VARCHAR(8)) AS StepKind,
    9999999 AS StepOrder,
    CAST(ProfitAndLossByHorizon.ScenarioName AS VARCHAR(256)) AS Step,
    ProfitAndLossByHorizon.BusinessUnit,
    CAST(SUM(ProfitAndLossByHorizon.ComparedAmount * ProfitAndLossByHorizon.LineSign) AS DECIMAL(38, 2)) AS Impact,
    ProfitAndLossByHorizon.Periods,
    ProfitAndLossByHorizon.OutlookPeriods,
    ProfitAndLossByHorizon.ComparedPeriods,
    ProfitAndLossByHorizon.IsComplete
FROM ProfitAndLossByHorizon
WHERE NOT ProfitAndLossByHorizon.IsSubtotal AND ProfitAndLossByHorizon.ComparedPeriods > 0
GROUP BY
    ProfitAndLossByHorizon.AsOfPeriod,
    ProfitAndLossByHorizon.FiscalYear,
    ProfitAndLossByHorizon.Horizon,
    ProfitAndLossByHorizon.HorizonOrder,
    ProfitAndLossByHorizon.ScenarioName,
    ProfitAndLossByHorizon.ReferenceName,
    ProfitAndLossByHorizon.BusinessUnit,
    ProfitAndLossByHorizon.Periods,
    ProfitAndLossByHorizon.OutlookPeriods,
    ProfitAndLossByHorizon.ComparedPeriods,
    ProfitAndLossByHorizon.IsComplete;
