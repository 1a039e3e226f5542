-- Grain: one row per as-of period, horizon, department, account, scenario and reference with a variance.
-- Columns to fix before summing: AsOfPeriod, Horizon, ScenarioName, ReferenceName.
--
-- Ranked by the effect on profit without its sign; CapEx over plan and unclassified money count as a cost, other
-- accounts outside of profit come last. A variance is material if it reaches both thresholds, which are the account's
-- or the home's; the one in per cent is of the reference, so that a variance from nothing reaches it. Owner and comment
-- are those of the as-of period.

CREATE OR REPLACE VIEW TopVariance AS
WITH HomeMateriality AS (
    SELECT
        COALESCE(MAX(MinimumAmount), 0) AS MinimumAmount,
        COALESCE(MAX(MinimumPercent), 0) AS MinimumPercent
    FROM Materiality
    WHERE AccountKey IS NULL
),

Valued AS (
    SELECT
        VarianceByHorizon.AsOfPeriod,
        VarianceByHorizon.FiscalYear,
        VarianceByHorizon.Horizon,
        VarianceByHorizon.HorizonOrder,
        VarianceByHorizon.DepartmentKey,
        VarianceByHorizon.DepartmentCode,
        VarianceByHorizon.DepartmentName,
        VarianceByHorizon.BusinessUnit,
        VarianceByHorizon.AccountKey,
        VarianceByHorizon.AccountNumber,
        VarianceByHorizon.AccountName,
        VarianceByHorizon.AccountType,
        VarianceByHorizon.Category,
        VarianceByHorizon.ProfitSign,
        VarianceByHorizon.Section,
        VarianceByHorizon.Line,
        VarianceByHorizon.LineOrder,
        VarianceByHorizon.ScenarioName,
        VarianceByHorizon.ReferenceName,
        VarianceByHorizon.ComparedAmount AS Amount,
        VarianceByHorizon.ComparedReference AS ReferenceAmount,
        VarianceByHorizon.Variance,
        CAST(
            CASE
                WHEN VarianceByHorizon.ProfitSign <> 0 THEN VarianceByHorizon.Impact
                WHEN VarianceByHorizon.AccountType = 'Unknown' THEN -VarianceByHorizon.Variance
                WHEN VarianceByHorizon.AccountType = 'Asset' AND LOWER(VarianceByHorizon.Category) = 'capex'
                    THEN -VarianceByHorizon.Variance
            END AS DECIMAL(38, 2)
        ) AS Impact,
        COALESCE(OfAccount.MinimumAmount, HomeMateriality.MinimumAmount) AS MinimumAmount,
        COALESCE(OfAccount.MinimumPercent, HomeMateriality.MinimumPercent) AS MinimumPercent,
        Commentary.Owner,
        Commentary.Comment,
        Commentary.Nature,
        VarianceByHorizon.DepartmentClassKey,
        VarianceByHorizon.AccountClassKey
    FROM VarianceByHorizon
    CROSS JOIN HomeMateriality
    LEFT JOIN Materiality AS OfAccount ON OfAccount.AccountKey = VarianceByHorizon.AccountKey
    LEFT JOIN Commentary
        ON
            Commentary.Period = VarianceByHorizon.AsOfPeriod
            AND Commentary.DepartmentKey = VarianceByHorizon.DepartmentKey
            AND Commentary.AccountKey = VarianceByHorizon.AccountKey
    WHERE VarianceByHorizon.Variance <> 0
),

Tested AS (
    SELECT
        Valued.*,
        Valued.Impact IS NOT NULL
        AND ABS(Valued.Variance) >= Valued.MinimumAmount
        AND ABS(Valued.Variance) * 100 >= Valued.MinimumPercent * ABS(Valued.ReferenceAmount) AS IsMaterial
    FROM Valued
)

SELECT
    Tested.AsOfPeriod,
    Tested.FiscalYear,
    Tested.Horizon,
    Tested.HorizonOrder,
    Tested.DepartmentKey,
    Tested.DepartmentCode,
    Tested.DepartmentName,
    Tested.BusinessUnit,
    Tested.AccountKey,
    Tested.AccountNumber,
    Tested.AccountName,
    Tested.AccountType,
    Tested.Category,
    Tested.ProfitSign,
    Tested.Section,
    Tested.Line,
    Tested.LineOrder,
    Tested.ScenarioName,
    Tested.ReferenceName,
    Tested.Amount,
    Tested.ReferenceAmount,
    Tested.Variance,
    Tested.Impact,
    ROW_NUMBER() OVER (
        PARTITION BY Tested.AsOfPeriod, Tested.Horizon, Tested.ScenarioName, Tested.ReferenceName
        ORDER BY
            CASE WHEN Tested.Impact IS NULL THEN 1 ELSE 0 END,
            ABS(Tested.Impact) DESC,
            Tested.DepartmentCode,
            Tested.AccountNumber,
            Tested.DepartmentClassKey,
            Tested.AccountClassKey
    ) AS ImpactRank,
    Tested.IsMaterial,
    Tested.IsMaterial AND COALESCE(Tested.Comment, '') = '' AS NeedsComment,
    Tested.Owner,
    Tested.Comment,
    Tested.Nature,
    Tested.DepartmentClassKey,
    Tested.AccountClassKey
FROM Tested;
