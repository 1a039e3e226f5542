"""Checks and outcomes in the form that Dagster shows.

Belongs here: severity, blocking, metadata. Does not belong here: evaluation (see `quality`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from finance_platform.orchestration.ui.check_descriptions import describe_check
from finance_platform.orchestration.ui.formatting import plain
from finance_platform.quality.checks import Check, Outcome
from finance_platform.reports.run_outcome import EVIDENCE_ROWS_REPORTED, EvaluatedCheck
from finance_platform.safe_text import markdown_lines, printable, text_of_markdown

_SENTENCES = frozenset({"fix", "problem", "reason", "what"})
"""The columns of evidence that are sentences of ours; the others are data, shown as they are."""


def check_specs(checks: Iterable[Check]) -> list[dg.AssetCheckSpec]:
    """Return the specs that a step declares for the checks that it evaluates."""
    return [
        dg.AssetCheckSpec(
            check.name, asset=dg.AssetKey(check.asset), description=describe_check(check), blocking=check.is_blocking
        )
        for check in checks
    ]


def check_result(outcome: Outcome, more: Mapping[str, Any] | None = None) -> dg.AssetCheckResult:
    """Return an outcome as Dagster's check result, with the offending rows.

    Args:
        outcome: the outcome.
        more: metadata beside the evidence, which the command line does not print.
    """
    check = outcome.check
    # In the order of the evidence, which puts the finding before the fix.
    columns = list(dict.fromkeys(name for row in outcome.evidence for name in row))
    summary = plain(printable(outcome.summary))
    metadata: dict[str, Any] = {}
    if outcome.evidence:
        records = [dg.TableRecord({name: _cell(name, row.get(name)) for name in columns}) for row in outcome.evidence]
        schema = dg.TableSchema([dg.TableColumn(name, "string") for name in columns])
        metadata["evidence"] = dg.MetadataValue.table(records, schema)
    return dg.AssetCheckResult(
        passed=outcome.passed,
        asset_key=dg.AssetKey(check.asset),
        check_name=check.name,
        metadata=metadata | dict(more or {}),
        severity=dg.AssetCheckSeverity.WARN if check.is_warning else dg.AssetCheckSeverity.ERROR,
        description=markdown_lines(summary),
    )


def summary_of(evaluation: dg.AssetCheckEvaluation) -> str:
    """Return the summary of an evaluated check as text; its description is Markdown, as the check's page shows it."""
    return text_of_markdown(evaluation.description or "")


def evidence_rows(evaluation: dg.AssetCheckEvaluation) -> list[str]:
    """Return the offending rows of an evaluated check as text: names and values of the non-empty cells."""
    return [", ".join(f"{name} {value}" for name, value in row.items()) for row in evidence_records(evaluation)]


def evidence_records(evaluation: dg.AssetCheckEvaluation) -> list[dict[str, str]]:
    """Return the offending rows of an evaluated check: the non-empty cells by name."""
    table = evaluation.metadata.get("evidence")
    if not isinstance(table, dg.TableMetadataValue):
        return []
    return [{name: str(value) for name, value in record.data.items() if value} for record in table.records]


def evaluated_check(evaluation: dg.AssetCheckEvaluation) -> EvaluatedCheck:
    """Return an evaluated check as a run reports it."""
    return EvaluatedCheck(
        asset=evaluation.asset_key.to_user_string(),
        name=evaluation.check_name,
        passed=evaluation.passed,
        is_warning=evaluation.severity == dg.AssetCheckSeverity.WARN,
        summary=summary_of(evaluation),
        evidence=tuple(evidence_rows(evaluation)[:EVIDENCE_ROWS_REPORTED]),
    )


def _cell(name: str, value: object) -> str:
    text = "" if value is None else printable(str(value))
    return plain(text) if name in _SENTENCES else text
