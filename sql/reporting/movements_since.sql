-- Grain: one row of Movements, with the names of its members; :since is UTC, the period between two given ones.
--
-- A removed member keeps the code of its movements, or shows its key if an earlier release wrote them.

WITH RecordedScenario AS (
    SELECT ScenarioKey, MAX(ScenarioName) AS ScenarioName
    FROM Movements
    GROUP BY ScenarioKey
),

RecordedDepartment AS (
    SELECT DepartmentKey, MAX(DepartmentCode) AS DepartmentCode
    FROM Movements
    GROUP BY DepartmentKey
),

RecordedAccount AS (
    SELECT AccountKey, MAX(AccountNumber) AS AccountNumber
    FROM Movements
    GROUP BY AccountKey
)

SELECT
    Movements.LoadedAt,
    Movements.LoadNumber,
    Movements.Kind,
    Movements.Period,
    COALESCE(
        DimScenario.ScenarioName, RecordedScenario.ScenarioName, CAST(Movements.ScenarioKey AS VARCHAR(128))
    ) AS Scenario,
    Movements.Measure,
    COALESCE(
        DimDepartment.DepartmentCode,
        RecordedDepartment.DepartmentCode,
        CAST(Movements.DepartmentKey AS VARCHAR(128))
    ) AS DepartmentCode,
    COALESCE(
        DimDepartment.DepartmentName,
        RecordedDepartment.DepartmentCode,
        CAST(Movements.DepartmentKey AS VARCHAR(256))
    ) AS DepartmentName,
    COALESCE(
        DimAccount.AccountNumber, RecordedAccount.AccountNumber, CAST(Movements.AccountKey AS VARCHAR(128))
    ) AS AccountNumber,
    COALESCE(
        DimAccount.AccountName, RecordedAccount.AccountNumber, CAST(Movements.AccountKey AS VARCHAR(256))
    ) AS AccountName,
    Movements.Attribute,
    Movements.OldValue,
    Movements.NewValue,
    Movements.OldAmount,
    Movements.NewAmount,
    Movements.Difference,
    Movements.IsRestatement,
    Movements.Cause,
    Movements.OldVersion,
    Movements.NewVersion,
    Movements.RunId
FROM Movements
LEFT JOIN DimScenario ON DimScenario.ScenarioKey = Movements.ScenarioKey
LEFT JOIN DimDepartment ON DimDepartment.DepartmentKey = Movements.DepartmentKey
LEFT JOIN DimAccount ON DimAccount.AccountKey = Movements.AccountKey
LEFT JOIN RecordedScenario ON RecordedScenario.ScenarioKey = Movements.ScenarioKey
LEFT JOIN RecordedDepartment ON RecordedDepartment.DepartmentKey = Movements.DepartmentKey
LEFT JOIN RecordedAccount ON RecordedAccount.AccountKey = Movements.AccountKey
WHERE
    Movements.LoadedAt >= CAST(:since AS TIMESTAMP)
    AND Movements.Period BETWEEN :first_period AND :last_period
ORDER BY
    Movements.LoadNumber, Movements.Period, Movements.Kind, Scenario, Movements.Measure, DepartmentCode, AccountNumber,
    Movements.Attribute;
