-- Grain: LoadLedger one slice in one load; the row with the highest LoadNumber is the published state of the slice.
--
-- Append-only, and written in the transaction of the data. A few rows per load, always read completely, so every node
-- keeps a copy.

CREATE TABLE IF NOT EXISTS LoadLedger (
    LoadNumber BIGINT         NOT NULL,
    TableName  VARCHAR(64)    NOT NULL,
    Slice      VARCHAR(16)    NOT NULL,
    Version    VARCHAR(64)    NOT NULL,
    IsRemoved  BOOLEAN        NOT NULL,
    RowCount   BIGINT         NOT NULL,
    Amount     DECIMAL(18, 2) NOT NULL,
    RunId      VARCHAR(64)    NOT NULL,
    LoadedAt   TIMESTAMP      NOT NULL,
    PRIMARY KEY (LoadNumber, TableName, Slice)
)
DISTSTYLE ALL
SORTKEY (LoadNumber);
