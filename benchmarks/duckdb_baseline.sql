-- The baseline: the same job in plain DuckDB SQL, as an analyst would write it for one company.
--
-- Belongs here: CSV files of generated_ledger.py to a star schema.
-- Does not belong here: anything of the product, whose cost is compared with this script. It keeps no record of files,
-- loads everything each time and checks nothing.
-- duckdb_baseline.py sets the variables: transactions (files, the latest last), budget, departments, accounts.

CREATE TEMP TABLE read AS
SELECT
    transaction_id,
    COALESCE(TRY_STRPTIME(transaction_date, '%Y-%m-%d'), TRY_STRPTIME(transaction_date, '%d/%m/%Y'))::DATE AS day,
    UPPER(TRIM(department_code)) AS department,
    TRIM(account_number) AS account,
    TRY_CAST(
        REGEXP_REPLACE(REGEXP_REPLACE(amount, '[$,]', '', 'g'), '^[(](.*)[)]$', '-\1') AS DECIMAL(18, 2)
    ) AS amount_parsed,
    COLUMNS(*),
FROM READ_CSV(GETVARIABLE('transactions'), ALL_VARCHAR = TRUE, FILENAME = TRUE);

CREATE TEMP TABLE planned AS
SELECT
    TRY_STRPTIME(period, '%Y-%m')::DATE AS day,
    UPPER(TRIM(department_code)) AS department,
    TRIM(account_number) AS account,
    TRY_CAST(REPLACE(budget_amount, ',', '') AS DECIMAL(18, 2)) AS amount_parsed,
    COLUMNS(*),
FROM READ_CSV(GETVARIABLE('budget'), ALL_VARCHAR = TRUE, FILENAME = TRUE);

CREATE TABLE Rejected AS
SELECT filename, transaction_id, transaction_date, department_code, account_number, amount, description
FROM read
WHERE transaction_id IS NULL OR day IS NULL OR department IS NULL OR account IS NULL OR amount_parsed IS NULL
UNION ALL
SELECT filename, NULL, period, department_code, account_number, budget_amount, NULL
FROM planned
WHERE day IS NULL OR department IS NULL OR account IS NULL OR amount_parsed IS NULL;

CREATE TEMP TABLE lines AS
SELECT 'Actual' AS scenario, day, department, account, amount_parsed AS amount
FROM read JOIN (SELECT UNNEST(GETVARIABLE('transactions')) AS filename, UNNEST(RANGE(LEN(GETVARIABLE('transactions')))) AS rank) USING (filename)
WHERE transaction_id IS NOT NULL AND day IS NOT NULL AND department IS NOT NULL AND account IS NOT NULL
    AND amount_parsed IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY transaction_id ORDER BY rank DESC) = 1
UNION ALL
SELECT 'Budget', day, department, account, amount_parsed
FROM planned
WHERE day IS NOT NULL AND department IS NOT NULL AND account IS NOT NULL AND amount_parsed IS NOT NULL;

CREATE TABLE DimDate AS
SELECT
    STRFTIME(day, '%Y%m%d')::INTEGER AS DateKey, day::DATE AS FullDate, YEAR(day) AS Year, QUARTER(day) AS Quarter,
    MONTH(day) AS Month, DAY(day) AS Day, WEEKOFYEAR(day) AS WeekOfYear, DAYNAME(day) AS DayOfWeek,
FROM (
    SELECT UNNEST(GENERATE_SERIES(DATE_TRUNC('year', MIN(day)), DATE_TRUNC('year', MAX(day)) + INTERVAL 1 YEAR
        - INTERVAL 1 DAY, INTERVAL 1 DAY)) AS day
    FROM lines
);

CREATE TABLE DimDepartment AS
SELECT
    ROW_NUMBER() OVER (ORDER BY COALESCE(code, department_code)) AS DepartmentKey,
    COALESCE(department_name, code) AS DepartmentName, COALESCE(code, department_code) AS DepartmentCode, COALESCE(business_unit, 'Unknown') AS BusinessUnit,
FROM (SELECT DISTINCT department AS code FROM lines)
    FULL JOIN READ_CSV(GETVARIABLE('departments'), ALL_VARCHAR = TRUE) AS reference ON code = reference.department_code;

CREATE TABLE DimAccount AS
SELECT
    ROW_NUMBER() OVER (ORDER BY COALESCE(number, account_number)) AS AccountKey,
    COALESCE(account_name, number) AS AccountName, COALESCE(number, account_number) AS AccountNumber, COALESCE(account_type, 'Unknown') AS AccountType,
    COALESCE(category, 'Unknown') AS Category,
FROM (SELECT DISTINCT account AS number FROM lines)
    FULL JOIN READ_CSV(GETVARIABLE('accounts'), ALL_VARCHAR = TRUE) AS reference ON number = reference.account_number;

CREATE TABLE DimScenario AS
SELECT ROW_NUMBER() OVER (ORDER BY scenario) AS ScenarioKey, scenario AS ScenarioName
FROM (SELECT DISTINCT scenario FROM lines);

CREATE TABLE FactFinancials AS
WITH summed AS (
    SELECT day, department, account, scenario, SUM(amount) AS amount, COUNT(*) AS transaction_count
    FROM lines
    GROUP BY ALL
),
with_budget AS (
    SELECT
        day, department, account, scenario, amount, IF(scenario = 'Budget', amount, 0) AS budget, transaction_count
    FROM summed
    UNION ALL
    SELECT day, department, account, 'Actual', 0, amount, 0
    FROM summed
    WHERE scenario = 'Budget'
        AND DATE_TRUNC('month', day) IN (SELECT DATE_TRUNC('month', day) FROM summed WHERE scenario = 'Actual')
)
SELECT
    STRFTIME(day, '%Y%m%d')::INTEGER AS DateKey, DepartmentKey, AccountKey, ScenarioKey,
    SUM(amount)::DECIMAL(18, 2) AS Amount, SUM(budget)::DECIMAL(18, 2) AS BudgetAmount,
    (SUM(amount) - SUM(budget))::DECIMAL(18, 2) AS Variance, day AS TransactionDate,
    CURRENT_TIMESTAMP AS LoadTimestamp, SUM(transaction_count)::BIGINT AS TransactionCount,
FROM with_budget
    JOIN DimDepartment ON department = DepartmentCode
    JOIN DimAccount ON account = AccountNumber
    JOIN DimScenario ON scenario = ScenarioName
GROUP BY ALL;
