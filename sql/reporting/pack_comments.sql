-- Grain: one comment on a cell; :unit blank for all.

SELECT Commentary.Period, Commentary.DepartmentKey, Commentary.AccountKey, Commentary.Owner, Commentary.Comment, Commentary.Nature
FROM Commentary
INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = Commentary.DepartmentKey
WHERE
    Commentary.Period BETWEEN :first_period AND :last_period
    AND (:unit = '' OR DimDepartment.BusinessUnit = :unit)
ORDER BY Commentary.Period, Commentary.DepartmentKey, Commentary.AccountKey;
