-- Grain: one row per decision, and scenario, account type and unit of the money that it is about.
-- Columns to fix before summing: EventNumber, Unit.
--
-- Every accept, withdrawal, reinstatement, closing and reopening, from the register. A proposal changes nothing by itself,
-- and the same money may be in many decisions. A decision reaches the view with the run after it.

CREATE OR REPLACE VIEW DecisionLog AS
SELECT
    EventNumber,
    DecidedAt,
    Action,
    IsProposal,
    ObjectKey,
    Period,
    DeliveryId,
    DecidedBy,
    IdentifiedBy,
    PreparedBy,
    Reason,
    Waived,
    OpeningOf,
    LatePeriods,
    BookedIn,
    ScenarioName,
    AccountType,
    Unit,
    RowCount,
    NetAmount,
    GrossAmount
FROM DecisionAmount;
