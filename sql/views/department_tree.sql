-- Grain: one row per department and department at or below it, at any depth.
-- Columns to fix before summing: the ancestor; or IsTop, which has each department once.
--
-- A parent that does not exist is none. Each step doubles the depth, to 32, without recursion, which Redshift does not
-- allow everywhere; so departments that are above each other in a circle end, and the one with the smallest key is
-- their top.

CREATE OR REPLACE VIEW DepartmentTree AS
WITH Step AS (
    SELECT DepartmentKey AS AncestorKey, DepartmentKey AS DescendantKey, 0 AS Depth
    FROM DimDepartment

    UNION ALL

    SELECT Parent.DepartmentKey AS AncestorKey, Child.DepartmentKey AS DescendantKey, 1 AS Depth
    FROM DimDepartment AS Child
    INNER JOIN DimDepartment AS Parent ON LOWER(Parent.DepartmentCode) = LOWER(Child.ParentDepartmentCode)
),

UpToTwo AS (
    SELECT Above.AncestorKey, Below.DescendantKey, MIN(Above.Depth + Below.Depth) AS Depth
    FROM Step AS Above
    INNER JOIN Step AS Below ON Below.AncestorKey = Above.DescendantKey
    GROUP BY Above.AncestorKey, Below.DescendantKey
),

UpToFour AS (
    SELECT Above.AncestorKey, Below.DescendantKey, MIN(Above.Depth + Below.Depth) AS Depth
    FROM UpToTwo AS Above
    INNER JOIN UpToTwo AS Below ON Below.AncestorKey = Above.DescendantKey
    GROUP BY Above.AncestorKey, Below.DescendantKey
),

UpToEight AS (
    SELECT Above.AncestorKey, Below.DescendantKey, MIN(Above.Depth + Below.Depth) AS Depth
    FROM UpToFour AS Above
    INNER JOIN UpToFour AS Below ON Below.AncestorKey = Above.DescendantKey
    GROUP BY Above.AncestorKey, Below.DescendantKey
),

UpToSixteen AS (
    SELECT Above.AncestorKey, Below.DescendantKey, MIN(Above.Depth + Below.Depth) AS Depth
    FROM UpToEight AS Above
    INNER JOIN UpToEight AS Below ON Below.AncestorKey = Above.DescendantKey
    GROUP BY Above.AncestorKey, Below.DescendantKey
),

Branch AS (
    SELECT Above.AncestorKey, Below.DescendantKey, MIN(Above.Depth + Below.Depth) AS Depth
    FROM UpToSixteen AS Above
    INNER JOIN UpToSixteen AS Below ON Below.AncestorKey = Above.DescendantKey
    GROUP BY Above.AncestorKey, Below.DescendantKey
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
    Ancestor.DepartmentCode AS AncestorCode,
    Ancestor.DepartmentName AS AncestorName,
    Branch.DescendantKey,
    Descendant.DepartmentCode AS DescendantCode,
    Descendant.DepartmentName AS DescendantName,
    CAST(Branch.Depth AS INTEGER) AS Depth,
    LowerMember.MemberKey IS NULL AS IsTop
FROM Branch
INNER JOIN DimDepartment AS Ancestor ON Ancestor.DepartmentKey = Branch.AncestorKey
INNER JOIN DimDepartment AS Descendant ON Descendant.DepartmentKey = Branch.DescendantKey
LEFT JOIN LowerMember ON LowerMember.MemberKey = Branch.AncestorKey;
