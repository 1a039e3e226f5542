-- Grain: one account; the number of the one above it, and whether that one exists.

SELECT
    Child.AccountNumber AS Code,
    Child.ParentAccountNumber AS ParentCode,
    Parent.AccountNumber AS FoundCode
FROM DimAccount AS Child
LEFT JOIN DimAccount AS Parent ON LOWER(Parent.AccountNumber) = LOWER(Child.ParentAccountNumber)
WHERE NOT Child.IsInferred
ORDER BY Child.AccountNumber;
