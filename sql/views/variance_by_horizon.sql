-- Grain: one row per as-of period, horizon, department, account, scenario and reference, for monetary flows.
-- Columns to fix before summing: AsOfPeriod, Horizon, ScenarioName, ReferenceName, AccountType.
--
-- HorizonPeriod has the periods of each horizon. Amount and ReferenceAmount have all of them; ComparedAmount,
-- ComparedReference, Variance and Impact only those that both cover, so that a gap in a plan is not a variance.
-- An account or department whose classification changed has a row for each, with the amounts of its periods.
-- Amount is NULL if the scenario has no period of the horizon, Variance if no period is compared.

CREATE OR REPLACE VIEW VarianceByHorizon AS
WITH Side AS (
    SELECT
        HorizonPeriod.AsOfPeriod,
        HorizonPeriod.Horizon,
        HorizonPeriod.ScenarioName,
        HorizonPeriod.ReferenceName,
        HorizonPeriod.IsCompared,
        PeriodAmount.DepartmentClassKey,
        PeriodAmount.AccountClassKey,
        PeriodAmount.Amount,
        CAST(0 AS DECIMAL(18, 2)) AS ReferenceAmount
    FROM PeriodAmount
    INNER JOIN HorizonPeriod
        ON HorizonPeriod.AmountKey = PeriodAmount.ScenarioKey AND HorizonPeriod.Period = PeriodAmount.Period
    WHERE PeriodAmount.IsMonetary AND PeriodAmount.Measure = 'flow'

    UNION ALL

    SELECT
        HorizonPeriod.AsOfPeriod,
        HorizonPeriod.Horizon,
        HorizonPeriod.ScenarioName,
        HorizonPeriod.ReferenceName,
        HorizonPeriod.IsCompared,
        PeriodAmount.DepartmentClassKey,
        PeriodAmount.AccountClassKey,
        CAST(0 AS DECIMAL(18, 2)) AS Amount,
        PeriodAmount.Amount AS ReferenceAmount
    FROM PeriodAmount
    INNER JOIN HorizonPeriod
        ON
            HorizonPeriod.ReferenceAmountKey = PeriodAmount.ScenarioKey
            AND HorizonPeriod.ReferencePeriod = PeriodAmount.Period
    WHERE PeriodAmount.IsMonetary AND PeriodAmount.Measure = 'flow'
),

Cell AS (
    SELECT
        AsOfPeriod,
        Horizon,
        ScenarioName,
        ReferenceName,
        DepartmentClassKey,
        AccountClassKey,
        SUM(Amount) AS Amount,
        SUM(ReferenceAmount) AS ReferenceAmount,
        SUM(CASE WHEN IsCompared THEN Amount ELSE 0 END) AS ComparedAmount,
        SUM(CASE WHEN IsCompared THEN ReferenceAmount ELSE 0 END) AS ComparedReference
    FROM Side
    GROUP BY AsOfPeriod, Horizon, ScenarioName, ReferenceName, DepartmentClassKey, AccountClassKey
)

SELECT
    Cell.AsOfPeriod,
    HorizonSpan.FiscalYear,
    Cell.Horizon,
    HorizonSpan.HorizonOrder,
    DepartmentClass.DepartmentKey,
    DepartmentClass.DepartmentCode,
    DepartmentClass.DepartmentName,
    DepartmentClass.BusinessUnit,
    AccountClass.AccountKey,
    AccountClass.AccountNumber,
    AccountClass.AccountName,
    AccountClass.AccountType,
    AccountClass.Category,
    AccountClass.ProfitSign,
    OwnLine.Section,
    OwnLine.Line,
    OwnLine.LineOrder,
    Cell.ScenarioName,
    Cell.ReferenceName,
    CAST(CASE WHEN HorizonSpan.Periods > 0 THEN Cell.Amount END AS DECIMAL(38, 2)) AS Amount,
    CAST(CASE WHEN HorizonSpan.ReferencePeriods > 0 THEN Cell.ReferenceAmount END AS DECIMAL(38, 2)) AS ReferenceAmount,
    CAST(CASE WHEN HorizonSpan.ComparedPeriods > 0 THEN Cell.ComparedAmount END AS DECIMAL(38, 2)) AS ComparedAmount,
    CAST(
        CASE WHEN HorizonSpan.ComparedPeriods > 0 THEN Cell.ComparedReference END AS DECIMAL(38, 2)
    ) AS ComparedReference,
    CAST(
        CASE WHEN HorizonSpan.ComparedPeriods > 0 THEN Cell.ComparedAmount - Cell.ComparedReference END
        AS DECIMAL(38, 2)
    ) AS Variance,
    CAST(
        CASE
            WHEN HorizonSpan.ComparedPeriods = 0 THEN NULL
            WHEN AccountClass.ProfitSign = 1 THEN Cell.ComparedAmount - Cell.ComparedReference
            WHEN AccountClass.ProfitSign = -1 THEN Cell.ComparedReference - Cell.ComparedAmount
        END AS DECIMAL(38, 2)
    ) AS Impact,
    HorizonSpan.Periods,
    HorizonSpan.OutlookPeriods,
    HorizonSpan.ComparedPeriods,
    HorizonSpan.IsComplete,
    Cell.DepartmentClassKey,
    Cell.AccountClassKey
FROM Cell
INNER JOIN HorizonSpan
    ON
        HorizonSpan.AsOfPeriod = Cell.AsOfPeriod
        AND HorizonSpan.Horizon = Cell.Horizon
        AND HorizonSpan.ScenarioName = Cell.ScenarioName
        AND HorizonSpan.ReferenceName = Cell.ReferenceName
INNER JOIN DepartmentClass ON DepartmentClass.DepartmentClassKey = Cell.DepartmentClassKey
INNER JOIN AccountClass ON AccountClass.AccountClassKey = Cell.AccountClassKey
LEFT JOIN StatementLine AS OwnLine ON OwnLine.AccountClassKey = Cell.AccountClassKey AND NOT OwnLine.IsSubtotal;
