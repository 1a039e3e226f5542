-- Grain: one comment on a cell; :unit blank for all.

SELECT
    Commentary.Period,
    DepartmentSpan.DepartmentClassKey,
    AccountSpan.AccountClassKey,
    Commentary.Owner,
    Commentary.Comment,
    Commentary.Nature
FROM Commentary
INNER JOIN DepartmentSpan
    ON
        DepartmentSpan.DepartmentKey = Commentary.DepartmentKey
        AND Commentary.Period BETWEEN DepartmentSpan.ValidFrom AND DepartmentSpan.ValidTo
INNER JOIN AccountSpan
    ON
        AccountSpan.AccountKey = Commentary.AccountKey
        AND Commentary.Period BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
WHERE
    Commentary.Period BETWEEN :first_period AND :last_period
    AND (:unit = '' OR DepartmentSpan.BusinessUnit = :unit)
ORDER BY Commentary.Period, DepartmentSpan.DepartmentClassKey, AccountSpan.AccountClassKey;
