-- Grain: one row per as-of period, horizon, scenario, reference, step and business unit.
-- Columns to fix before summing: AsOfPeriod, Horizon, ScenarioName, ReferenceName, StepKind.
--
-- From the reference's profit (start) by line of the statement (step) to the scenario's (end), all of the periods that
-- both cover. Profit is after unclassified money, a cost and a step of its own, so that start and steps add up to end,
-- to the cent, for each business unit.

CREATE OR REPLACE VIEW VarianceBridge AS
WITH Kind AS (
    SELECT CAST('start' AS VARCHAR(8)) AS StepKind

    UNION ALL

    SELECT CAST('step' AS VARCHAR(8)) AS StepKind

    UNION ALL

    SELECT CAST('end' AS VARCHAR(8)) AS StepKind
),

LineStep AS (
    SELECT
        ProfitAndLossByHorizon.AsOfPeriod,
        ProfitAndLossByHorizon.FiscalYear,
        ProfitAndLossByHorizon.Horizon,
        ProfitAndLossByHorizon.HorizonOrder,
        ProfitAndLossByHorizon.ScenarioName,
        ProfitAndLossByHorizon.ReferenceName,
        Kind.StepKind,
        CASE Kind.StepKind
            WHEN 'start' THEN 0
            WHEN 'end' THEN 9999999
            ELSE ProfitAndLossByHorizon.LineOrder
        END AS StepOrder,
        CASE Kind.StepKind
            WHEN 'start' THEN ProfitAndLossByHorizon.ReferenceName
            WHEN 'end' THEN ProfitAndLossByHorizon.ScenarioName
            ELSE ProfitAndLossByHorizon.Line
        END AS Step,
        ProfitAndLossByHorizon.BusinessUnit,
        CASE Kind.StepKind
            WHEN 'start' THEN ProfitAndLossByHorizon.ComparedReference * ProfitAndLossByHorizon.LineSign
            WHEN 'end' THEN ProfitAndLossByHorizon.ComparedAmount * ProfitAndLossByHorizon.LineSign
            ELSE ProfitAndLossByHorizon.Impact
        END AS Impact,
        ProfitAndLossByHorizon.Periods,
        ProfitAndLossByHorizon.OutlookPeriods,
        ProfitAndLossByHorizon.ComparedPeriods,
        ProfitAndLossByHorizon.IsComplete
    FROM ProfitAndLossByHorizon
    CROSS JOIN Kind
    WHERE NOT ProfitAndLossByHorizon.IsSubtotal AND ProfitAndLossByHorizon.ComparedPeriods > 0
)

SELECT
    AsOfPeriod,
    FiscalYear,
    Horizon,
    HorizonOrder,
    ScenarioName,
    ReferenceName,
    StepKind,
    StepOrder,
    CAST(Step AS VARCHAR(256)) AS Step,
    BusinessUnit,
    CAST(SUM(Impact) AS DECIMAL(38, 2)) AS Impact,
    Periods,
    OutlookPeriods,
    ComparedPeriods,
    IsComplete
FROM LineStep
GROUP BY
    AsOfPeriod,
    FiscalYear,
    Horizon,
    HorizonOrder,
    ScenarioName,
    ReferenceName,
    StepKind,
    StepOrder,
    Step,
    BusinessUnit,
    Periods,
    OutlookPeriods,
    ComparedPeriods,
    IsComplete;
