-- Grain: one row per signed close of a period, measure, scenario, department and account that has money.
-- Columns to fix before summing: CloseNumber, Measure, ScenarioName, AccountType.
--
-- What was signed is what is published, less what the loads since the close moved: the cells need no second copy. Names and
-- types are those of the period; a member that no longer exists has the name with which it moved.

CREATE OR REPLACE VIEW SignedAmount AS
WITH PublishedCell AS (
    SELECT
        DimDate.YearMonth AS Period,
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        SUM(FactFinancials.Amount) AS Amount,
        SUM(FactFinancials.BudgetAmount) AS BudgetAmount
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    GROUP BY
        DimDate.YearMonth,
        FactFinancials.ScenarioKey,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey
),

MeasuredCell AS (
    SELECT
        Period,
        CAST('Amount' AS VARCHAR(12)) AS Measure,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        Amount
    FROM PublishedCell

    UNION ALL

    SELECT
        Period,
        CAST('BudgetAmount' AS VARCHAR(12)) AS Measure,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        BudgetAmount AS Amount
    FROM PublishedCell
),

CloseCell AS (
    SELECT
        SignedClose.Period,
        SignedClose.CloseNumber,
        MeasuredCell.Measure,
        MeasuredCell.ScenarioKey,
        MeasuredCell.DepartmentKey,
        MeasuredCell.AccountKey,
        MeasuredCell.Amount AS PublishedAmount,
        CAST(0 AS DECIMAL(38, 2)) AS Difference,
        CAST(NULL AS VARCHAR(128)) AS ScenarioName,
        CAST(NULL AS VARCHAR(128)) AS DepartmentCode,
        CAST(NULL AS VARCHAR(128)) AS AccountNumber
    FROM SignedClose
    INNER JOIN MeasuredCell ON MeasuredCell.Period = SignedClose.Period

    UNION ALL

    SELECT
        SignedClose.Period,
        SignedClose.CloseNumber,
        Movements.Measure,
        Movements.ScenarioKey,
        Movements.DepartmentKey,
        Movements.AccountKey,
        CAST(0 AS DECIMAL(38, 2)) AS PublishedAmount,
        Movements.Difference,
        Movements.ScenarioName,
        Movements.DepartmentCode,
        Movements.AccountNumber
    FROM SignedClose
    INNER JOIN Movements
        ON Movements.Period = SignedClose.Period AND Movements.LoadNumber > SignedClose.LoadNumber
    WHERE Movements.Kind IN ('movement', 'publication')
),

SignedCell AS (
    SELECT
        Period,
        CloseNumber,
        Measure,
        ScenarioKey,
        DepartmentKey,
        AccountKey,
        MAX(ScenarioName) AS ScenarioName,
        MAX(DepartmentCode) AS DepartmentCode,
        MAX(AccountNumber) AS AccountNumber,
        SUM(PublishedAmount) - SUM(Difference) AS SignedAmount,
        SUM(PublishedAmount) AS PublishedAmount,
        SUM(Difference) AS Difference
    FROM CloseCell
    GROUP BY Period, CloseNumber, Measure, ScenarioKey, DepartmentKey, AccountKey
)

SELECT
    SignedCell.Period,
    SignedCell.CloseNumber,
    SignedClose.IsLatest,
    SignedClose.ClosedAt,
    SignedClose.ClosedBy,
    SignedCell.Measure,
    SignedCell.ScenarioKey,
    COALESCE(DimScenario.ScenarioName, SignedCell.ScenarioName) AS ScenarioName,
    SignedCell.DepartmentKey,
    COALESCE(DepartmentSpan.DepartmentCode, SignedCell.DepartmentCode) AS DepartmentCode,
    DepartmentSpan.BusinessUnit,
    SignedCell.AccountKey,
    COALESCE(AccountSpan.AccountNumber, SignedCell.AccountNumber) AS AccountNumber,
    AccountSpan.AccountType,
    CAST(SignedCell.SignedAmount AS DECIMAL(38, 2)) AS SignedAmount,
    CAST(SignedCell.PublishedAmount AS DECIMAL(38, 2)) AS PublishedAmount,
    CAST(SignedCell.Difference AS DECIMAL(38, 2)) AS Difference
FROM SignedCell
INNER JOIN SignedClose
    ON SignedClose.Period = SignedCell.Period AND SignedClose.CloseNumber = SignedCell.CloseNumber
LEFT JOIN DimScenario ON DimScenario.ScenarioKey = SignedCell.ScenarioKey
LEFT JOIN DepartmentSpan
    ON
        DepartmentSpan.DepartmentKey = SignedCell.DepartmentKey
        AND SignedCell.Period BETWEEN DepartmentSpan.ValidFrom AND DepartmentSpan.ValidTo
LEFT JOIN AccountSpan
    ON
        AccountSpan.AccountKey = SignedCell.AccountKey
        AND SignedCell.Period BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
WHERE SignedCell.SignedAmount <> 0 OR SignedCell.PublishedAmount <> 0;
