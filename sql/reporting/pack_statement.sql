-- Grain: one account and line of the statement to which it contributes.

SELECT LineOrder, Line, IsSubtotal, LineSign, AccountKey, Factor, IsMapped
FROM StatementLine
ORDER BY LineOrder, AccountNumber, AccountKey;
