-- Grain: one feed with lines of Actual up to the accounting period :period or later.

SELECT Feed, LineCount, UsualLineCount, IsAsUsual
FROM FeedCompleteness
WHERE Period = :period
ORDER BY Feed;
