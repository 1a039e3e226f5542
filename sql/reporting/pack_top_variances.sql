-- Grain: one department and account with a variance, year to date, the largest effect on profit first; :unit blank for all.

SELECT DepartmentClassKey, AccountClassKey, Variance, Impact, IsMaterial, Owner, Comment, Nature
FROM TopVariance
WHERE
    AsOfPeriod = :period
    AND Horizon = 'year to date'
    AND ScenarioName = :scenario
    AND ReferenceName = :reference
    AND (:unit = '' OR BusinessUnit = :unit)
ORDER BY ImpactRank;
