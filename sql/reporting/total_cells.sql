-- Grain: one row per department and account of the horizon :horizon as seen from :period, of a scenario and reference.

SELECT
    DepartmentKey,
    DepartmentCode,
    BusinessUnit,
    AccountKey,
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
