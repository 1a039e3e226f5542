-- Grain: one row per class of an account and line of the statement to which it contributes, with the factor of its amounts.

SELECT
    LineOrder,
    Section,
    Line,
    AccountClassKey,
    Factor
FROM StatementLine
ORDER BY LineOrder, AccountClassKey;
