-- Grain: one row per department and account, and class of both, of the horizon :horizon as seen from :period, of a scenario and reference.

SELECT
    DepartmentKey,
    DepartmentClassKey,
    DepartmentCode,
    BusinessUnit,
    AccountKey,
    AccountClassKey,
    AccountNumber,
    AccountType,
    Amount,
    ReferenceAmount,
    Variance
FROM VarianceByHorizon
WHERE
    AsOfPeriod = :period
    AND Horizon = :horizon
    AND ScenarioName = :scenario
    AND ReferenceName = :reference;
