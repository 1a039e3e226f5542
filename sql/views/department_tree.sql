-- Grain: one row per department and department at or below it, at any depth.
-- Columns to fix before summing: the ancestor; or IsTop, which has each department once.
--
-- A parent that does not exist is none. The depth is limited, so that departments that are above each other in a
-- circle end; the one with the smallest key is their top.

CREATE OR REPLACE VIEW DepartmentTree AS
WITH RECURSIVE Below (AncestorKey, DescendantKey, Depth) AS (
    SELECT DepartmentKey AS AncestorKey, DepartmentKey AS DescendantKey, 0 AS Depth
    FROM DimDepartment

    UNION ALL

    SELECT Parent.DepartmentKey AS AncestorKey, Below.DescendantKey, Below.Depth + 1 AS Depth
    FROM Below
    INNER JOIN DimDepartment AS Child ON Child.DepartmentKey = Below.AncestorKey
    INNER JOIN DimDepartment AS Parent ON LOWER(Parent.DepartmentCode) = LOWER(Child.ParentDepartmentCode)
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
