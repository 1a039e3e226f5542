-- Grain: one row per accounting period of the fact table.
-- Columns to fix before summing: none.
--
-- PeriodStatus with the home's fiscal calendar, and what reports take by default: the last complete period, and the
-- periods of its year to date.

CREATE OR REPLACE VIEW PeriodCalendar AS
WITH PeriodDay AS (
    SELECT
        YearMonth,
        MAX(FiscalYear) AS FiscalYear,
        MAX(FiscalQuarter) AS FiscalQuarter,
        MAX(FiscalPeriod) AS FiscalPeriod,
        MAX(MonthName) AS MonthName,
        MIN(FullDate) AS FirstDay,
        MAX(FullDate) AS LastDay
    FROM DimDate
    GROUP BY YearMonth
),

LastPeriod AS (
    SELECT
        MAX(PeriodStatus.Period) AS Period,
        MAX(PeriodDay.FiscalYear) AS FiscalYear
    FROM PeriodStatus
    INNER JOIN PeriodDay ON PeriodDay.YearMonth = PeriodStatus.Period
    WHERE PeriodStatus.IsComplete
)

SELECT
    PeriodStatus.Period,
    PeriodDay.FiscalYear,
    PeriodDay.FiscalQuarter,
    PeriodDay.FiscalPeriod,
    PeriodDay.MonthName,
    PeriodDay.FirstDay,
    PeriodDay.LastDay,
    PeriodStatus.LineCount > 0 AS HasActual,
    PeriodStatus.IsComplete,
    PeriodStatus.IsClosed,
    PeriodStatus.IsComplete AND NOT PeriodStatus.IsClosed AS IsPreliminary,
    COALESCE(PeriodStatus.Period = LastPeriod.Period, FALSE) AS IsLastComplete,
    COALESCE(PeriodStatus.IsComplete AND PeriodDay.FiscalYear = LastPeriod.FiscalYear, FALSE) AS IsInYearToDate,
    PeriodStatus.LineCount,
    PeriodStatus.UsualDepartments,
    PeriodStatus.MissingDepartments,
    COALESCE(WaitingChange.ChangeCount, 0) AS WaitingChanges
FROM PeriodStatus
INNER JOIN PeriodDay ON PeriodDay.YearMonth = PeriodStatus.Period
CROSS JOIN LastPeriod
LEFT JOIN WaitingChange ON WaitingChange.Period = PeriodStatus.Period;
