-- Grain: one account with lines beside those of accounts below it, per scenario, period and account type.
-- No rows is a pass.
--
-- CountedTwice is the part that a roll-up counts twice if the upper lines are the totals of the lower ones: the smaller
-- of the two gross amounts. Statistical lines are compared with statistical lines only.
-- The depth is limited, so that members that are above each other in a circle end.
-- Only what is below a parent with lines is added up: the parents of most homes have none.

WITH RECURSIVE Below (MemberKey, ParentKey, Depth) AS (
    SELECT Child.AccountKey AS MemberKey, Parent.AccountKey AS ParentKey, 1 AS Depth
    FROM DimAccount AS Child
    INNER JOIN DimAccount AS Parent ON LOWER(Parent.AccountNumber) = LOWER(Child.ParentAccountNumber)

    UNION ALL

    SELECT Below.MemberKey, Parent.AccountKey AS ParentKey, Below.Depth + 1 AS Depth
    FROM Below
    INNER JOIN DimAccount AS Child ON Child.AccountKey = Below.ParentKey
    INNER JOIN DimAccount AS Parent ON LOWER(Parent.AccountNumber) = LOWER(Child.ParentAccountNumber)
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
    WHERE ParentKey IN (SELECT AccountKey FROM FactFinancials WHERE TransactionCount > 0)
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
        FactFinancials.AccountKey AS MemberKey,
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
        AND FactFinancials.AccountKey IN (SELECT MemberKey FROM ComparedMember)
    GROUP BY FactFinancials.AccountKey, FactFinancials.ScenarioKey, DimDate.YearMonth, DimAccount.AccountType
),

ChildrenSum AS (
    SELECT
        Compared.ParentKey,
        MemberSum.ScenarioKey,
        MemberSum.YearMonth,
        MemberSum.AccountType = 'Statistical' AS IsStatistical,
        SUM(MemberSum.LineCount) AS LineCount,
        SUM(MemberSum.Amount) AS Amount,
        SUM(MemberSum.GrossAmount) AS GrossAmount
    FROM Compared
    INNER JOIN MemberSum ON MemberSum.MemberKey = Compared.MemberKey
    GROUP BY Compared.ParentKey, MemberSum.ScenarioKey, MemberSum.YearMonth, MemberSum.AccountType = 'Statistical'
)

SELECT
    Parent.AccountNumber AS Parent,
    Parent.AccountName AS ParentName,
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
        AND ChildrenSum.IsStatistical = (MemberSum.AccountType = 'Statistical')
INNER JOIN DimAccount AS Parent ON Parent.AccountKey = MemberSum.MemberKey
INNER JOIN DimScenario ON DimScenario.ScenarioKey = MemberSum.ScenarioKey
WHERE MemberSum.GrossAmount > 0 AND ChildrenSum.GrossAmount > 0
ORDER BY CountedTwice DESC, Parent.AccountNumber, MemberSum.YearMonth, DimScenario.ScenarioName, MemberSum.AccountType;
