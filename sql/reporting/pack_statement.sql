-- Grain: one account, as classified, and line of the statement to which it contributes.

SELECT LineOrder, Line, IsSubtotal, LineSign, AccountClassKey, Factor, IsMapped
FROM StatementLine
ORDER BY LineOrder, AccountNumber, AccountClassKey;
