-- Grain: one row per feed with lines of Actual and accounting period, from the feed's first period on.
-- Columns to fix before summing: none; LineCount can be summed.
--
-- Whether each feed delivered what it usually does: at least half of the median of its twelve periods before. A feed's
-- lines that a later delivery supersedes are counted, as they were delivered.

CREATE OR REPLACE VIEW FeedCompleteness AS
SELECT
    FeedPeriod.Feed,
    FeedPeriod.Period,
    PeriodCalendar.FiscalYear,
    PeriodCalendar.FiscalQuarter,
    PeriodCalendar.FiscalPeriod,
    FeedPeriod.FileCount,
    FeedPeriod.LineCount,
    FeedPeriod.UsualLineCount,
    FeedPeriod.LineCount > 0
    AND 2 * FeedPeriod.LineCount >= COALESCE(FeedPeriod.UsualLineCount, 0) AS IsAsUsual,
    PeriodCalendar.IsComplete
FROM FeedPeriod
INNER JOIN PeriodCalendar ON PeriodCalendar.Period = FeedPeriod.Period;
