-- Grain: one row per feed, scenario and unit that has rejected rows.
-- Columns to fix before summing: Unit.
--
-- Rows that broke a rule, of the deliveries that count, wait or can be reinstated: the term "rejected" of the
-- reconciliation. GrossAmount is at stake; amounts that are not valid count in rows only, and foreign currency is a unit
-- of its own, never added.

CREATE OR REPLACE VIEW RejectedMoney AS
SELECT
    Feed,
    ScenarioName,
    Unit,
    FileCount,
    RowCount,
    UnpricedRowCount,
    NetAmount,
    GrossAmount
FROM FeedTerm
WHERE Term = 'rejected';
