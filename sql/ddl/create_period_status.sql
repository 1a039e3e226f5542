-- Grain: PeriodStatus one accounting period of the fact table.
--
-- Rewritten in the transaction of the data, from all departments: a view over the fact table would give each reader
-- another answer under row-level security. It has no department's figures, so every reader may see it. A few rows,
-- joined by the views, so every node keeps a copy.

CREATE TABLE IF NOT EXISTS PeriodStatus (
    Period             VARCHAR(7) NOT NULL,
    IsComplete         BOOLEAN    NOT NULL,
    IsClosed           BOOLEAN    NOT NULL,
    LineCount          BIGINT     NOT NULL,
    UsualDepartments   INTEGER    NOT NULL,
    MissingDepartments INTEGER    NOT NULL,
    PRIMARY KEY (Period)
)
DISTSTYLE ALL
SORTKEY (Period);
