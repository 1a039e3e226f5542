-- Grain: one period of the fact table.

SELECT Period, IsComplete, IsClosed, LineCount, UsualDepartments, MissingDepartments
FROM PeriodStatus
ORDER BY Period;
