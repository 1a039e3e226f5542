-- Grain: one row per file, scenario and unit that has rejected rows.
-- Columns to fix before summing: Unit.
--
-- Rows that broke a rule, of the deliveries that count, wait or can be reinstated: the term "rejected" of the
-- reconciliation. GrossAmount is at stake; amounts that are not valid count in rows only, and foreign currency is a unit
-- of its own, never added. Beyond 1,000 files with rejected rows, those with less money are one row for each feed,
-- scenario and unit.

CREATE OR REPLACE VIEW RejectedMoney AS
SELECT
    Feed,
    FileName,
    ScenarioName,
    Unit,
    FileCount,
    RowCount,
    UnpricedRowCount,
    NetAmount,
    GrossAmount
FROM RejectedFile;
