-- Grain: one department with lines beside those of departments below it, per scenario, period and account type.
-- No rows is a pass.
--
-- CountedTwice is the part that a roll-up counts twice if the upper lines are the totals of the lower ones: the smaller
-- of the two gross amounts. Account types are never added to each other.
-- The depth is limited, so that members that are above each other in a circle end.
-- Only what is below a parent with lines is added up: the parents of most homes have none.

WITH RECURSIVE Below (MemberKey, ParentKey, Depth) AS (
    SELECT Child.DepartmentKey AS MemberKey, Parent.DepartmentKey AS ParentKey, 1 AS Depth
    FROM DimDepartment AS Child
    INNER JOIN DimDepartment AS Parent ON LOWER(Parent.DepartmentCode) = LOWER(Child.ParentDepartmentCode)

    UNION ALL

    SELECT Below.MemberKey, Parent.DepartmentKey AS ParentKey, Below.Depth + 1 AS Depth
    FROM Below
    INNER JOIN DimDepartment AS Child ON Child.DepartmentKey = Below.ParentKey
    INNER JOIN DimDepartment AS Parent ON LOWER(Parent.DepartmentCode) = LOWER(Child.ParentDepartmentCode)
    WHERE Below.Depth < 20
),

Descendant AS (
    SELECT DISTINCT MemberKey, ParentKey
    FROM Below
    WHERE MemberKey <> ParentKey
),

Compared AS (
    SELECT MemberKey, ParentKey
    FROM Descendant
    WHERE ParentKey IN (SELECT DepartmentKey FROM FactFinancials WHERE TransactionCount > 0)
),

ComparedMember AS (
    SELECT MemberKey
    FROM Compared
    UNION
    SELECT ParentKey AS MemberKey
    FROM Compared
),

MemberSum AS (
    SELECT
        FactFinancials.DepartmentKey AS MemberKey,
        FactFinancials.ScenarioKey,
        DimDate.YearMonth,
        DimAccount.AccountType,
        SUM(FactFinancials.TransactionCount) AS LineCount,
        SUM(FactFinancials.Amount) AS Amount,
        SUM(ABS(FactFinancials.Amount)) AS GrossAmount
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
    WHERE
        FactFinancials.TransactionCount > 0
        AND FactFinancials.DepartmentKey IN (SELECT MemberKey FROM ComparedMember)
    GROUP BY FactFinancials.DepartmentKey, FactFinancials.ScenarioKey, DimDate.YearMonth, DimAccount.AccountType
),

ChildrenSum AS (
    SELECT
        Compared.ParentKey,
        MemberSum.ScenarioKey,
        MemberSum.YearMonth,
        MemberSum.AccountType,
        SUM(MemberSum.LineCount) AS LineCount,
        SUM(MemberSum.Amount) AS Amount,
        SUM(MemberSum.GrossAmount) AS GrossAmount
    FROM Compared
    INNER JOIN MemberSum ON MemberSum.MemberKey = Compared.MemberKey
    GROUP BY Compared.ParentKey, MemberSum.ScenarioKey, MemberSum.YearMonth, MemberSum.AccountType
)

SELECT
    Parent.DepartmentCode AS Parent,
    Parent.DepartmentName AS ParentName,
    DimScenario.ScenarioName AS Scenario,
    MemberSum.YearMonth AS Period,
    MemberSum.AccountType,
    CAST(MemberSum.LineCount AS BIGINT) AS ParentLines,
    CAST(MemberSum.Amount AS DECIMAL(38, 2)) AS ParentAmount,
    CAST(ChildrenSum.LineCount AS BIGINT) AS ChildrenLines,
    CAST(ChildrenSum.Amount AS DECIMAL(38, 2)) AS ChildrenAmount,
    CAST(LEAST(MemberSum.GrossAmount, ChildrenSum.GrossAmount) AS DECIMAL(38, 2)) AS CountedTwice
FROM MemberSum
INNER JOIN ChildrenSum
    ON
        ChildrenSum.ParentKey = MemberSum.MemberKey
        AND ChildrenSum.ScenarioKey = MemberSum.ScenarioKey
        AND ChildrenSum.YearMonth = MemberSum.YearMonth
        AND ChildrenSum.AccountType = MemberSum.AccountType
INNER JOIN DimDepartment AS Parent ON Parent.DepartmentKey = MemberSum.MemberKey
INNER JOIN DimScenario ON DimScenario.ScenarioKey = MemberSum.ScenarioKey
WHERE MemberSum.GrossAmount > 0 AND ChildrenSum.GrossAmount > 0
ORDER BY CountedTwice DESC, Parent.DepartmentCode, MemberSum.YearMonth, DimScenario.ScenarioName, MemberSum.AccountType;
