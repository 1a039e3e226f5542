-- Grain: one row of Movements, with the names of its members; :since is UTC, the period between two given ones.
--
-- A removed member shows its key: its movements are kept.

SELECT
    Movements.LoadedAt,
    Movements.LoadNumber,
    Movements.Kind,
    Movements.Period,
    COALESCE(DimScenario.ScenarioName, CAST(Movements.ScenarioKey AS VARCHAR(128))) AS Scenario,
    Movements.Measure,
    COALESCE(DimDepartment.DepartmentCode, CAST(Movements.DepartmentKey AS VARCHAR(128))) AS DepartmentCode,
    COALESCE(DimDepartment.DepartmentName, CAST(Movements.DepartmentKey AS VARCHAR(256))) AS DepartmentName,
    COALESCE(DimAccount.AccountNumber, CAST(Movements.AccountKey AS VARCHAR(128))) AS AccountNumber,
    COALESCE(DimAccount.AccountName, CAST(Movements.AccountKey AS VARCHAR(256))) AS AccountName,
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
WHERE
    Movements.LoadedAt >= CAST(:since AS TIMESTAMP)
    AND Movements.Period BETWEEN :first_period AND :last_period
ORDER BY
    Movements.LoadNumber, Movements.Period, Movements.Kind, Scenario, Movements.Measure, DepartmentCode, AccountNumber,
    Movements.Attribute;
