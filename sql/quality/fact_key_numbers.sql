-- Grain: one row: how many rows FactFinancials has, and how many different numbers their keys give.
--
-- Equal keys give equal numbers. So if there are as many numbers as rows, no two rows have the same key: the numbers are
-- one column, which takes three quarters of the time of four. Fewer numbers prove nothing: different keys may give the
-- same one, which is rare. The divisors differ, since a department may have the code, and so the key, of an account. No
-- value of the keys makes a sum too large for its type.
-- Of the days :first_date_key to :last_date_key, bound so that an engine finds their blocks.

WITH Numbered AS (
    SELECT
        CAST(AccountKey AS BIGINT) / CAST(4 AS BIGINT)
        + CAST(DepartmentKey AS BIGINT) / CAST(8 AS BIGINT)
        + CAST(ScenarioKey AS BIGINT) / CAST(16 AS BIGINT)
        + CAST(DateKey AS BIGINT) * 268435399 AS KeyNumber
    FROM FactFinancials
    WHERE DateKey BETWEEN :first_date_key AND :last_date_key
)

SELECT COUNT(*) AS RowCount, COUNT(DISTINCT KeyNumber) AS NumberCount
FROM Numbered;
