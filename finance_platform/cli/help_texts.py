"""What `--help` says of each command in a line, and an example of each.

Belongs here: summaries and examples. Does not belong here: the text of a command's own help, which is the docstring of
its function; options.

They are apart from the commands so that the list of all commands imports none of their modules.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HelpText:
    """What help says of a command.

    Attributes:
        summary: one line of the list of commands.
        examples: commands that a person may copy.
    """

    summary: str
    examples: tuple[str, ...]


HELP_TEXTS = {
    "init": HelpText("Make a home: a folder for files and settings.", ("init books --sample",)),
    "run": HelpText(
        "Bring everything that is stale up to date.", ("run --home books", "run --rebuild --period 2025-06")
    ),
    "status": HelpText("Show what is held, stale or closed, and why.", ("status --by-file", "status --json")),
    "query": HelpText(
        "Query the warehouse in SQL.",
        ('query "SELECT COUNT(*) FROM DimDate"', "query -f questions.sql --format xlsx --output answers.xlsx"),
    ),
    "tables": HelpText("List tables and views, or describe one.", ("tables", "tables ActualVsBudget")),
    "rejected": HelpText(
        "List the rows that were rejected, with the reason.",
        ("rejected --by reason", "rejected --format xlsx --output rejected.xlsx"),
    ),
    "movements": HelpText(
        "List every change of a published figure.", ("movements --period 2025-06", "movements --format csv")
    ),
    "restatement": HelpText(
        "Show what leads from signed figures to those of now.", ("restatement 2025-06", "restatement --format csv")
    ),
    "trace": HelpText(
        "Show the lines of files behind a figure, or the reverse.",
        (
            "trace --period 2025-06 --department D100 --account 4000",
            "trace --period 2025-06 --unit HR --statement-line Payroll",
            "trace --file transactions.csv --line 12",
        ),
    ),
    "report": HelpText(
        "Write the report pack: a page and a workbook.",
        (
            "report --period 2025-06 --open",
            "report --as-of close:2025-06",
            "report --audit 2025-06",
        ),
    ),
    "accept": HelpText(
        "Accept a file that is held.",
        (
            "accept transactions.csv --dry-run",
            'accept transactions.csv --why "the branch was sold"',
            'accept late.csv --in-next-open-period --why "small"',
        ),
    ),
    "withdraw": HelpText(
        "Take the lines of a file out.",
        ('withdraw forecast.csv --why "a draft"', 'withdraw forecast.csv --undo --why "approved"'),
    ),
    "close": HelpText(
        "Close a period whose gates are green, and sign it.",
        ("close 2025-06 --dry-run", 'close 2025-06 --waive rejected --why "known"'),
    ),
    "reopen": HelpText("Reopen a closed period.", ('reopen 2025-06 --why "late invoice"',)),
    "history": HelpText("List every decision: who, when, why, how much.", ("history --period 2025-06",)),
    "verify": HelpText(
        "Name whatever was changed behind the platform.",
        ("verify 2025-06", "verify --print-head", "verify audit_pack_2025-06.zip"),
    ),
    "audit-sample": HelpText(
        "Draw lines for an auditor, with their raw text.", ("audit-sample 2025-06 --n 25 --seed 7",)
    ),
    "vacuum": HelpText("Remove old data that nothing needs.", ("vacuum", "vacuum --yes")),
    "migrate": HelpText("Update the warehouse's tables to this release.", ("migrate --dry-run",)),
    "secure": HelpText("Apply roles, row-level security and masks on Redshift.", ("secure",)),
    "prove": HelpText("Try what no test can show about the warehouse.", ("prove", "remote --as-owner prove")),
    "ui": HelpText("Open the Dagster UI.", ("ui --home books --port 3001",)),
    "feed": HelpText("List feeds, check a file, draft a descriptor.", ("feed list", "feed check spend.csv")),
    "feed list": HelpText("List the feeds, their files and broken descriptors.", ("feed list --format json",)),
    "feed check": HelpText("Show what a run would make of a file.", ("feed check spend.csv --descriptor spend.yaml",)),
    "feed draft": HelpText("Propose a descriptor for a file.", ("feed draft spend.csv > feeds/spend.yaml",)),
    "deploy": HelpText("Create or update the deployment on AWS.", ("deploy --stack-name finance --dry-run",)),
    "remote": HelpText("Run a command inside the deployment.", ("remote --stack-name finance status",)),
}


def epilog(name: str) -> str:
    """Return the end of a command's help: its examples, a line each."""
    lines = [f"  finance-platform {example}" for example in HELP_TEXTS[name].examples]
    # Click leaves the lines of a paragraph as they are that begins with a backspace.
    return "\n".join(["\b", "Example:" if len(lines) == 1 else "Examples:", *lines])
