-- Grain: one measure of a scenario in a period that earlier loads have moved and the fact table has no amounts of.
--
-- It was published before, and left again. Runs only in a load that stages amounts of such a measure, since it reads all
-- of Movements.

INSERT INTO StageEarlierMeasure (Measure, Period, ScenarioKey)
SELECT DISTINCT Movements.Measure, Movements.Period, Movements.ScenarioKey
FROM Movements
INNER JOIN StageCell
    ON
        StageCell.Measure = Movements.Measure
        AND StageCell.Period = Movements.Period
        AND StageCell.ScenarioKey = Movements.ScenarioKey
WHERE StageCell.IsFirst;
