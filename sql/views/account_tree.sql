-- Grain: one row per account and account at or below it, at any depth.
-- Columns to fix before summing: the ancestor; or IsTop, which has each account once.
--
-- A parent that does not exist is none. The depth is limited, so that accounts that are above each other in a
-- circle end; the one with the smallest key is their top.

CREATE OR REPLACE VIEW AccountTree AS
WITH RECURSIVE Below (AncestorKey, DescendantKey, Depth) AS (
    SELECT AccountKey AS AncestorKey, AccountKey AS DescendantKey, 0 AS Depth
    FROM DimAccount

    UNION ALL

    SELECT Parent.AccountKey AS AncestorKey, Below.DescendantKey, Below.Depth + 1 AS Depth
    FROM Below
    INNER JOIN DimAccount AS Child ON Child.AccountKey = Below.AncestorKey
    INNER JOIN DimAccount AS Parent ON LOWER(Parent.AccountNumber) = LOWER(Child.ParentAccountNumber)
    WHERE Below.Depth < 20
),

Branch AS (
    SELECT AncestorKey, DescendantKey, MIN(Depth) AS Depth
    FROM Below
    GROUP BY AncestorKey, DescendantKey
),

LowerMember AS (
    SELECT DISTINCT Upward.DescendantKey AS MemberKey
    FROM Branch AS Upward
    LEFT JOIN Branch AS Downward
        ON Downward.AncestorKey = Upward.DescendantKey AND Downward.DescendantKey = Upward.AncestorKey
    WHERE
        Upward.AncestorKey <> Upward.DescendantKey
        AND (Downward.AncestorKey IS NULL OR Upward.AncestorKey < Upward.DescendantKey)
)

SELECT
    Branch.AncestorKey,
    Ancestor.AccountNumber AS AncestorNumber,
    Ancestor.AccountName AS AncestorName,
    Branch.DescendantKey,
    Descendant.AccountNumber AS DescendantNumber,
    Descendant.AccountName AS DescendantName,
    CAST(Branch.Depth AS INTEGER) AS Depth,
    LowerMember.MemberKey IS NULL AS IsTop
FROM Branch
INNER JOIN DimAccount AS Ancestor ON Ancestor.AccountKey = Branch.AncestorKey
INNER JOIN DimAccount AS Descendant ON Descendant.AccountKey = Branch.DescendantKey
LEFT JOIN LowerMember ON LowerMember.MemberKey = Branch.AncestorKey;
