-- Grain: Movements one cell (measure, scenario, period, department, account) and kind that one load moved.
--
-- Append-only, and written in the transaction of the data. A period that is published for the first time has not moved;
-- the first amounts of a scenario in a period that was published without it have Kind 'publication'.
-- Sum Difference over the Kinds 'movement' and 'publication' only: a reclassification reports the money under another
-- attribute value, one load may have both for the same cell, and several attributes of a cell may change at once.
-- DISTSTYLE EVEN: a restated year has as many rows as cells. SORTKEY LoadedAt: queries filter by it.

CREATE TABLE IF NOT EXISTS Movements (
    LoadNumber    BIGINT         NOT NULL,
    Kind          VARCHAR(16)    NOT NULL,
    Measure       VARCHAR(12)    NOT NULL,
    Period        VARCHAR(7)     NOT NULL,
    ScenarioKey   BIGINT         NOT NULL,
    DepartmentKey BIGINT         NOT NULL,
    AccountKey    BIGINT         NOT NULL,
    Attribute     VARCHAR(16),
    OldValue      VARCHAR(256),
    NewValue      VARCHAR(256),
    OldAmount     DECIMAL(18, 2) NOT NULL,
    NewAmount     DECIMAL(18, 2) NOT NULL,
    Difference    DECIMAL(18, 2) NOT NULL,
    IsRestatement BOOLEAN        NOT NULL,
    OldVersion    VARCHAR(64),
    NewVersion    VARCHAR(64),
    Cause         VARCHAR(4096),
    RunId         VARCHAR(64)    NOT NULL,
    LoadedAt      TIMESTAMP      NOT NULL,
    ScenarioName  VARCHAR(128),
    DepartmentCode VARCHAR(128),
    AccountNumber VARCHAR(128)
)
DISTSTYLE EVEN
COMPOUND SORTKEY (LoadedAt);
