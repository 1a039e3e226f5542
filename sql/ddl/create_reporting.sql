-- Grain: one row of the table's first columns: earlier attributes, scenarios, words of the home, deliveries, decisions.
--
-- Written in the transaction of the data. ScenarioPeriod is a table for the reason of PeriodStatus: under row-level
-- security a view over the fact table would give each reader other periods to compare. A few rows each, joined by the
-- views, so every node keeps a copy.

CREATE TABLE IF NOT EXISTS DepartmentHistory (
    DepartmentKey        BIGINT       NOT NULL,
    ValidFrom            VARCHAR(7)   NOT NULL,
    ValidTo              VARCHAR(7)   NOT NULL,
    IsCurrent            BOOLEAN      NOT NULL,
    DepartmentClassKey   BIGINT       NOT NULL,
    DepartmentName       VARCHAR(256) NOT NULL,
    BusinessUnit         VARCHAR(256) NOT NULL,
    ParentDepartmentCode VARCHAR(128),
    PRIMARY KEY (DepartmentKey, ValidFrom)
)
DISTSTYLE ALL
SORTKEY (DepartmentKey);

CREATE TABLE IF NOT EXISTS AccountHistory (
    AccountKey          BIGINT       NOT NULL,
    ValidFrom           VARCHAR(7)   NOT NULL,
    ValidTo             VARCHAR(7)   NOT NULL,
    IsCurrent           BOOLEAN      NOT NULL,
    AccountClassKey     BIGINT       NOT NULL,
    AccountName         VARCHAR(256) NOT NULL,
    AccountType         VARCHAR(16)  NOT NULL,
    Category            VARCHAR(256) NOT NULL,
    ProfitSign          INTEGER      NOT NULL,
    IsMonetary          BOOLEAN      NOT NULL,
    Measure             VARCHAR(8)   NOT NULL,
    ParentAccountNumber VARCHAR(128),
    PRIMARY KEY (AccountKey, ValidFrom)
)
DISTSTYLE ALL
SORTKEY (AccountKey);

CREATE TABLE IF NOT EXISTS DepartmentReorganisation (
    ValidFrom       VARCHAR(7)    NOT NULL,
    DepartmentKey   BIGINT        NOT NULL,
    PredecessorKey  BIGINT        NOT NULL,
    PredecessorCode VARCHAR(128)  NOT NULL,
    Share           DECIMAL(7, 6) NOT NULL,
    OriginShare     DECIMAL(7, 6) NOT NULL,
    PRIMARY KEY (ValidFrom, DepartmentKey, PredecessorKey)
)
DISTSTYLE ALL
SORTKEY (ValidFrom);

CREATE TABLE IF NOT EXISTS DepartmentMapping (
    StructureFrom VARCHAR(7)      NOT NULL,
    DepartmentKey BIGINT          NOT NULL,
    ValidFrom     VARCHAR(7)      NOT NULL,
    ValidTo       VARCHAR(7)      NOT NULL,
    ShownAsKey    BIGINT          NOT NULL,
    ShareFrom     DECIMAL(13, 12) NOT NULL,
    ShareTo       DECIMAL(13, 12) NOT NULL,
    PRIMARY KEY (StructureFrom, DepartmentKey, ValidFrom, ShownAsKey)
)
DISTSTYLE ALL
SORTKEY (DepartmentKey);

CREATE TABLE IF NOT EXISTS ScenarioPeriod (
    Period      VARCHAR(7) NOT NULL,
    ScenarioKey BIGINT     NOT NULL,
    LineCount   BIGINT     NOT NULL,
    IsCovered   BOOLEAN    NOT NULL,
    PRIMARY KEY (Period, ScenarioKey)
)
DISTSTYLE ALL
SORTKEY (Period);

CREATE TABLE IF NOT EXISTS WaitingChange (
    Period      VARCHAR(7) NOT NULL,
    ChangeCount INTEGER    NOT NULL,
    PRIMARY KEY (Period)
)
DISTSTYLE ALL
SORTKEY (Period);

CREATE TABLE IF NOT EXISTS StatementMapping (
    AccountKey BIGINT,
    Category   VARCHAR(256),
    Section    VARCHAR(32)  NOT NULL,
    Line       VARCHAR(256) NOT NULL,
    LineOrder  INTEGER      NOT NULL
)
DISTSTYLE ALL
SORTKEY (AccountKey);

CREATE TABLE IF NOT EXISTS Commentary (
    Period        VARCHAR(7) NOT NULL,
    DepartmentKey BIGINT     NOT NULL,
    AccountKey    BIGINT     NOT NULL,
    Owner         VARCHAR(256),
    Comment       VARCHAR(4096),
    Nature        VARCHAR(16),
    PRIMARY KEY (Period, DepartmentKey, AccountKey)
)
DISTSTYLE ALL
SORTKEY (Period);

CREATE TABLE IF NOT EXISTS Materiality (
    AccountKey     BIGINT,
    MinimumAmount  DECIMAL(18, 2) NOT NULL,
    MinimumPercent DECIMAL(9, 2)  NOT NULL
)
DISTSTYLE ALL
SORTKEY (AccountKey);

CREATE TABLE IF NOT EXISTS DeliveredBalance (
    Period         VARCHAR(7)     NOT NULL,
    AccountKey     BIGINT         NOT NULL,
    OpeningBalance DECIMAL(18, 2),
    ClosingBalance DECIMAL(18, 2) NOT NULL,
    PRIMARY KEY (Period, AccountKey)
)
DISTSTYLE ALL
SORTKEY (Period);

CREATE TABLE IF NOT EXISTS FeedTerm (
    Feed             VARCHAR(128)    NOT NULL,
    ScenarioName     VARCHAR(128)    NOT NULL,
    Unit             VARCHAR(16)     NOT NULL,
    Term             VARCHAR(16)     NOT NULL,
    FileCount        BIGINT          NOT NULL,
    RowCount         BIGINT          NOT NULL,
    UnpricedRowCount BIGINT          NOT NULL,
    NetAmount        DECIMAL(38, 10) NOT NULL,
    GrossAmount      DECIMAL(38, 10) NOT NULL,
    PRIMARY KEY (Feed, ScenarioName, Unit, Term)
)
DISTSTYLE ALL
SORTKEY (Feed);

CREATE TABLE IF NOT EXISTS RejectedFile (
    Feed             VARCHAR(128)    NOT NULL,
    FileName         VARCHAR(1024)   NOT NULL,
    ScenarioName     VARCHAR(128)    NOT NULL,
    Unit             VARCHAR(16)     NOT NULL,
    FileCount        BIGINT          NOT NULL,
    RowCount         BIGINT          NOT NULL,
    UnpricedRowCount BIGINT          NOT NULL,
    NetAmount        DECIMAL(38, 10) NOT NULL,
    GrossAmount      DECIMAL(38, 10) NOT NULL,
    PRIMARY KEY (Feed, FileName, ScenarioName, Unit)
)
DISTSTYLE ALL
SORTKEY (Feed);

CREATE TABLE IF NOT EXISTS FeedPeriod (
    Feed           VARCHAR(128) NOT NULL,
    Period         VARCHAR(7)   NOT NULL,
    FileCount      BIGINT       NOT NULL,
    LineCount      BIGINT       NOT NULL,
    UsualLineCount BIGINT,
    PRIMARY KEY (Feed, Period)
)
DISTSTYLE ALL
SORTKEY (Feed);

CREATE TABLE IF NOT EXISTS SignedClose (
    Period      VARCHAR(7)   NOT NULL,
    CloseNumber BIGINT       NOT NULL,
    EventNumber BIGINT       NOT NULL,
    ClosedAt    TIMESTAMP    NOT NULL,
    ClosedBy    VARCHAR(256) NOT NULL,
    OpeningOf   VARCHAR(7),
    IsLatest    BOOLEAN      NOT NULL,
    LoadNumber  BIGINT       NOT NULL,
    PRIMARY KEY (Period, CloseNumber)
)
DISTSTYLE ALL
SORTKEY (Period);

CREATE TABLE IF NOT EXISTS DecisionAmount (
    EventNumber  BIGINT        NOT NULL,
    DecidedAt    TIMESTAMP     NOT NULL,
    Action       VARCHAR(16)   NOT NULL,
    IsProposal   BOOLEAN       NOT NULL,
    ObjectKey    VARCHAR(1024),
    Period       VARCHAR(7),
    DeliveryId   VARCHAR(64),
    DecidedBy    VARCHAR(256)  NOT NULL,
    IdentifiedBy VARCHAR(16)   NOT NULL,
    PreparedBy   VARCHAR(256),
    Reason       VARCHAR(4096) NOT NULL,
    Waived       VARCHAR(4096),
    OpeningOf    VARCHAR(7),
    LatePeriods  VARCHAR(1024),
    BookedIn     VARCHAR(7),
    ScenarioName VARCHAR(128),
    AccountType  VARCHAR(16),
    Unit         VARCHAR(16),
    RowCount     BIGINT,
    NetAmount    DECIMAL(38, 10),
    GrossAmount  DECIMAL(38, 10)
)
DISTSTYLE ALL
SORTKEY (EventNumber);

CREATE TABLE IF NOT EXISTS RestatementStep (
    Period         VARCHAR(7)     NOT NULL,
    CloseNumber    BIGINT         NOT NULL,
    StepNumber     BIGINT         NOT NULL,
    Cause          VARCHAR(16)    NOT NULL,
    ObjectKey      VARCHAR(1024),
    Detail         VARCHAR(1024),
    DecisionNumber BIGINT,
    DecidedBy      VARCHAR(256),
    Reason         VARCHAR(4096),
    Measure        VARCHAR(12)    NOT NULL,
    ScenarioName   VARCHAR(128)   NOT NULL,
    AccountType    VARCHAR(16)    NOT NULL,
    Category       VARCHAR(256),
    BusinessUnit   VARCHAR(256),
    Amount         DECIMAL(18, 2) NOT NULL,
    ProfitEffect   DECIMAL(18, 2) NOT NULL
)
DISTSTYLE ALL
SORTKEY (Period);
