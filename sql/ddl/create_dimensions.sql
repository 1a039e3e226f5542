-- Grain: DimDate one calendar day; DimDepartment one department; DimAccount one account; DimScenario one scenario.
--
-- A test compares names, order and types with finance_platform/contracts/star.py.
-- Keys are informational: Redshift uses them for planning and enforces none; the checks in sql/quality do.
-- Dimensions are small and joined by every query, so each node keeps a full copy (DISTSTYLE ALL).

CREATE TABLE IF NOT EXISTS DimDate (
    DateKey       INTEGER    NOT NULL,
    FullDate      DATE       NOT NULL,
    Year          INTEGER    NOT NULL,
    Quarter       INTEGER    NOT NULL,
    Month         INTEGER    NOT NULL,
    Day           INTEGER    NOT NULL,
    WeekOfYear    INTEGER    NOT NULL,
    DayOfWeek     VARCHAR(9) NOT NULL,
    IsoYear       INTEGER    NOT NULL,
    MonthName     VARCHAR(9) NOT NULL,
    YearMonth     VARCHAR(7) NOT NULL,
    FiscalYear    INTEGER    NOT NULL,
    FiscalQuarter INTEGER    NOT NULL,
    FiscalPeriod  INTEGER    NOT NULL,
    IsMonthEnd    BOOLEAN    NOT NULL,
    PRIMARY KEY (DateKey),
    UNIQUE (FullDate)
)
DISTSTYLE ALL
SORTKEY (DateKey);

CREATE TABLE IF NOT EXISTS DimDepartment (
    DepartmentKey        BIGINT       NOT NULL,
    DepartmentName       VARCHAR(256) NOT NULL,
    DepartmentCode       VARCHAR(128) NOT NULL,
    BusinessUnit         VARCHAR(256) NOT NULL,
    ParentDepartmentCode VARCHAR(128),
    IsInferred           BOOLEAN      NOT NULL,
    PRIMARY KEY (DepartmentKey),
    UNIQUE (DepartmentCode)
)
DISTSTYLE ALL
SORTKEY (DepartmentKey);

CREATE TABLE IF NOT EXISTS DimAccount (
    AccountKey          BIGINT       NOT NULL,
    AccountName         VARCHAR(256) NOT NULL,
    AccountNumber       VARCHAR(128) NOT NULL,
    AccountType         VARCHAR(16)  NOT NULL,
    Category            VARCHAR(256) NOT NULL,
    ProfitSign          INTEGER      NOT NULL,
    IsMonetary          BOOLEAN      NOT NULL,
    Measure             VARCHAR(8)   NOT NULL,
    ParentAccountNumber VARCHAR(128),
    IsInferred          BOOLEAN      NOT NULL,
    PRIMARY KEY (AccountKey),
    UNIQUE (AccountNumber)
)
DISTSTYLE ALL
SORTKEY (AccountKey);

CREATE TABLE IF NOT EXISTS DimScenario (
    ScenarioKey  BIGINT       NOT NULL,
    ScenarioName VARCHAR(128) NOT NULL,
    ScenarioType VARCHAR(8)   NOT NULL,
    IsBaseline   BOOLEAN      NOT NULL,
    PRIMARY KEY (ScenarioKey),
    UNIQUE (ScenarioName)
)
DISTSTYLE ALL
SORTKEY (ScenarioKey);
