-- Grain: one row per account and line of the statement to which it contributes, with the factor of its amounts.

SELECT
    LineOrder,
    Section,
    Line,
    AccountKey,
    Factor
FROM StatementLine
ORDER BY LineOrder, AccountKey;
