-- Grain: one row: how many amounts a pack has, and their sum over scenarios, which means nothing and checks everything.

SELECT CAST(COUNT(*) AS BIGINT) AS Amounts, CAST(COALESCE(SUM(Amount), 0) AS DECIMAL(38, 2)) AS Total
FROM PeriodAmount
WHERE
    IsMonetary
    AND Measure = 'flow'
    AND Period BETWEEN :first_period AND :last_period
    AND (:unit = '' OR BusinessUnit = :unit);
