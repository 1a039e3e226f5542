-- Grain: one row per span of periods of an account or department whose attributes changed, with its class then.

SELECT
    'account' AS Dimension,
    AccountKey AS MemberKey,
    ValidFrom,
    ValidTo,
    AccountClassKey AS ClassKey
FROM AccountHistory

UNION ALL

SELECT
    'department' AS Dimension,
    DepartmentKey AS MemberKey,
    ValidFrom,
    ValidTo,
    DepartmentClassKey AS ClassKey
FROM DepartmentHistory;
