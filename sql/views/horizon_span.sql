-- Grain: one row per as-of period, horizon, scenario and reference.
-- Columns to fix before summing: none.
--
-- How many periods a horizon has, and how many of them are an outlook or can be compared.

CREATE OR REPLACE VIEW HorizonSpan AS
SELECT
    AsOfPeriod,
    FiscalYear,
    Horizon,
    HorizonOrder,
    ScenarioName,
    ReferenceName,
    CAST(COUNT(AmountKey) AS INTEGER) AS Periods,
    CAST(SUM(CASE WHEN IsOutlook THEN 1 ELSE 0 END) AS INTEGER) AS OutlookPeriods,
    CAST(COUNT(ReferenceAmountKey) AS INTEGER) AS ReferencePeriods,
    CAST(SUM(CASE WHEN IsCompared THEN 1 ELSE 0 END) AS INTEGER) AS ComparedPeriods,
    MIN(CASE WHEN IsComplete THEN 1 ELSE 0 END) = 1 AS IsComplete
FROM HorizonPeriod
GROUP BY AsOfPeriod, FiscalYear, Horizon, HorizonOrder, ScenarioName, ReferenceName;
