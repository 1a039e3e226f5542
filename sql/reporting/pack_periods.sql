-- Grain: one accounting period, in order.

SELECT Period, FiscalYear, FiscalPeriod, IsComplete, IsClosed, HasActual, UsualDepartments, MissingDepartments
FROM PeriodCalendar
ORDER BY Period;
