-- Grain: one row per accounting period with actuals and monetary account, from the account's first period on.
-- Columns to fix before summing: Period.
--
-- Balances are debit less credit. Accounts of profit and loss begin each fiscal year at zero; the others carry forward
-- the balance of the last trial balance that was delivered before, with what was booked since, or else all that was
-- booked before. A delivered trial balance that leaves an account out has zero for it.

CREATE OR REPLACE VIEW TrialBalance AS
WITH Booked AS (
    SELECT
        Period,
        AccountKey,
        CAST(
            SUM(CASE WHEN AccountType IN ('Revenue', 'Liability', 'Equity') THEN -Amount ELSE Amount END) AS DECIMAL(38, 2)
        ) AS Amount
    FROM PeriodAmount
    WHERE ScenarioName = 'Actual' AND IsMonetary
    GROUP BY Period, AccountKey
),

Mentioned AS (
    SELECT
        Period,
        AccountKey
    FROM Booked
    UNION ALL
    SELECT
        Period,
        AccountKey
    FROM DeliveredBalance
),

Member AS (
    SELECT
        AccountKey,
        MIN(Period) AS FirstPeriod
    FROM Mentioned
    GROUP BY AccountKey
),

Covered AS (
    SELECT DISTINCT Period
    FROM DeliveredBalance
),

Place AS (
    SELECT
        PeriodCalendar.Period,
        PeriodCalendar.FiscalYear,
        PeriodCalendar.FiscalQuarter,
        PeriodCalendar.FiscalPeriod,
        PeriodCalendar.IsComplete,
        AccountSpan.AccountKey,
        AccountSpan.AccountNumber,
        AccountSpan.AccountName,
        AccountSpan.AccountType,
        AccountSpan.Category,
        AccountSpan.ProfitSign,
        AccountSpan.Measure,
        Covered.Period AS CoveredPeriod,
        DeliveredBalance.OpeningBalance AS DeliveredOpening,
        COALESCE(Booked.Amount, 0) AS Amount,
        CASE WHEN Covered.Period IS NOT NULL THEN COALESCE(DeliveredBalance.ClosingBalance, 0) END AS DeliveredBalance
    FROM PeriodCalendar
    INNER JOIN Member ON Member.FirstPeriod <= PeriodCalendar.Period
    INNER JOIN AccountSpan
        ON
            AccountSpan.AccountKey = Member.AccountKey
            AND PeriodCalendar.Period BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
    LEFT JOIN Booked ON Booked.Period = PeriodCalendar.Period AND Booked.AccountKey = Member.AccountKey
    LEFT JOIN Covered ON Covered.Period = PeriodCalendar.Period
    LEFT JOIN DeliveredBalance
        ON DeliveredBalance.Period = PeriodCalendar.Period AND DeliveredBalance.AccountKey = Member.AccountKey
    WHERE AccountSpan.IsMonetary AND (PeriodCalendar.HasActual OR Covered.Period IS NOT NULL)
),

Moved AS (
    SELECT
        Period,
        FiscalYear,
        AccountKey,
        AccountType,
        CoveredPeriod,
        DeliveredBalance,
        Amount - CASE
            WHEN Measure = 'balance' THEN COALESCE(LAG(Amount) OVER (PARTITION BY AccountKey ORDER BY Period), 0)
            ELSE 0
        END AS Movement
    FROM Place
),

Running AS (
    SELECT
        Period,
        FiscalYear,
        AccountKey,
        AccountType,
        DeliveredBalance,
        Movement,
        SUM(Movement) OVER (
            PARTITION BY AccountKey ORDER BY Period ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS Total,
        SUM(Movement) OVER (
            PARTITION BY AccountKey, FiscalYear ORDER BY Period ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS TotalOfYear,
        MAX(CoveredPeriod) OVER (
            PARTITION BY AccountKey ORDER BY Period ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS LastCovered
    FROM Moved
),

Carried AS (
    SELECT
        Running.Period,
        Running.AccountKey,
        CAST(Running.Movement AS DECIMAL(38, 2)) AS Movement,
        CAST(
            CASE
                WHEN
                    Running.AccountType NOT IN ('Asset', 'Liability', 'Equity')
                    AND COALESCE(Earlier.FiscalYear, 0) <> Running.FiscalYear
                    THEN Running.TotalOfYear - Running.Movement
                WHEN Earlier.Period IS NOT NULL
                    THEN Earlier.DeliveredBalance + Running.Total - Running.Movement - Earlier.Total
                ELSE Running.Total - Running.Movement
            END AS DECIMAL(38, 2)
        ) AS OpeningBalance
    FROM Running
    LEFT JOIN Running AS Earlier
        ON Earlier.AccountKey = Running.AccountKey AND Earlier.Period = Running.LastCovered
)

SELECT
    Place.Period,
    Place.FiscalYear,
    Place.FiscalQuarter,
    Place.FiscalPeriod,
    Place.AccountKey,
    Place.AccountNumber,
    Place.AccountName,
    Place.AccountType,
    Place.Category,
    Place.ProfitSign,
    Carried.OpeningBalance,
    Carried.Movement,
    CAST(Carried.OpeningBalance + Carried.Movement AS DECIMAL(38, 2)) AS ClosingBalance,
    CAST(Place.DeliveredOpening AS DECIMAL(38, 2)) AS DeliveredOpening,
    CAST(Place.DeliveredBalance AS DECIMAL(38, 2)) AS DeliveredBalance,
    CAST(Place.DeliveredBalance - Carried.OpeningBalance - Carried.Movement AS DECIMAL(38, 2)) AS Difference,
    Place.IsComplete
FROM Place
INNER JOIN Carried ON Carried.Period = Place.Period AND Carried.AccountKey = Place.AccountKey;
