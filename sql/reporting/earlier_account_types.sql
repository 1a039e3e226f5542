-- Grain: one span of periods of an account whose attributes changed, with its type then.

SELECT AccountKey, ValidFrom, ValidTo, AccountType
FROM AccountHistory
ORDER BY AccountKey, ValidFrom;
