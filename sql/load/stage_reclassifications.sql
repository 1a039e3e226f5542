-- Grain: one row per published and staged member, and attribute that this load changes.
--
-- Compares the published dimensions with the staged ones; the stage of a dimension that is not loaded is empty, so
-- nothing of it changes. A member that was not published before has no old value.

INSERT INTO StageReclassification (
    DepartmentKey, AccountKey, Attribute, OldValue, NewValue, OldVersion, NewVersion, Cause
)
SELECT
    DimDepartment.DepartmentKey,
    CAST(NULL AS BIGINT) AS AccountKey,
    'BusinessUnit' AS Attribute,
    DimDepartment.BusinessUnit AS OldValue,
    StageDimDepartment.BusinessUnit AS NewValue,
    StageSlice.OldVersion,
    StageSlice.NewVersion,
    StageSlice.Cause
FROM DimDepartment
INNER JOIN StageDimDepartment ON StageDimDepartment.DepartmentKey = DimDepartment.DepartmentKey
INNER JOIN StageSlice ON StageSlice.TableName = 'DimDepartment'
WHERE StageDimDepartment.BusinessUnit <> DimDepartment.BusinessUnit

UNION ALL

SELECT
    CAST(NULL AS BIGINT) AS DepartmentKey,
    DimAccount.AccountKey,
    'AccountType' AS Attribute,
    DimAccount.AccountType AS OldValue,
    StageDimAccount.AccountType AS NewValue,
    StageSlice.OldVersion,
    StageSlice.NewVersion,
    StageSlice.Cause
FROM DimAccount
INNER JOIN StageDimAccount ON StageDimAccount.AccountKey = DimAccount.AccountKey
INNER JOIN StageSlice ON StageSlice.TableName = 'DimAccount'
WHERE StageDimAccount.AccountType <> DimAccount.AccountType

UNION ALL

SELECT
    CAST(NULL AS BIGINT) AS DepartmentKey,
    DimAccount.AccountKey,
    'Category' AS Attribute,
    DimAccount.Category AS OldValue,
    StageDimAccount.Category AS NewValue,
    StageSlice.OldVersion,
    StageSlice.NewVersion,
    StageSlice.Cause
FROM DimAccount
INNER JOIN StageDimAccount ON StageDimAccount.AccountKey = DimAccount.AccountKey
INNER JOIN StageSlice ON StageSlice.TableName = 'DimAccount'
WHERE StageDimAccount.Category <> DimAccount.Category;
