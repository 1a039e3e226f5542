-- Grain: FactFinancials one row per day, department, account and scenario.
--
-- A test compares names, order and types with finance_platform/contracts/star.py.
-- DISTSTYLE EVEN: the dimensions are on every node, so no join redistributes rows of this table, while a DISTKEY on
-- DepartmentKey would put a company's largest department on one slice.
-- SORTKEY DateKey: queries filter by period and a load replaces periods, so both read few blocks.

CREATE TABLE IF NOT EXISTS FactFinancials (
    DateKey          INTEGER        NOT NULL,
    DepartmentKey    BIGINT         NOT NULL,
    AccountKey       BIGINT         NOT NULL,
    ScenarioKey      BIGINT         NOT NULL,
    Amount           DECIMAL(18, 2) NOT NULL,
    BudgetAmount     DECIMAL(18, 2) NOT NULL,
    Variance         DECIMAL(18, 2) NOT NULL,
    TransactionDate  DATE           NOT NULL,
    LoadTimestamp    TIMESTAMP      NOT NULL,
    TransactionCount BIGINT         NOT NULL,
    PRIMARY KEY (DateKey, DepartmentKey, AccountKey, ScenarioKey),
    FOREIGN KEY (DateKey) REFERENCES DimDate (DateKey),
    FOREIGN KEY (DepartmentKey) REFERENCES DimDepartment (DepartmentKey),
    FOREIGN KEY (AccountKey) REFERENCES DimAccount (AccountKey),
    FOREIGN KEY (ScenarioKey) REFERENCES DimScenario (ScenarioKey)
)
DISTSTYLE EVEN
COMPOUND SORTKEY (DateKey);
