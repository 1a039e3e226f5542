-- Grain: one scenario, department, account and accounting period, for monetary flows; :unit blank for all.

SELECT ScenarioKey, DepartmentClassKey, AccountClassKey, Period, Amount
FROM PeriodAmount
WHERE
    IsMonetary
    AND Measure = 'flow'
    AND Period BETWEEN :first_period AND :last_period
    AND (:unit = '' OR BusinessUnit = :unit)
ORDER BY ScenarioKey, DepartmentClassKey, AccountClassKey, Period;
