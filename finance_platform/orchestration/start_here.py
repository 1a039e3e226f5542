"""Where a person starts who does not know Dagster: the pages that answer the usual questions, in their order.

Belongs here: addresses of pages and the question that each answers. Does not belong here: what the pages show. A file
of its own, because the command `ui` prints what the page of the job `refresh` shows, and imports no Dagster for it.
"""

from __future__ import annotations

from finance_platform.reports.pack.file_names import PACK_FILE, PACK_PATH

JOB_PAGE = "/locations/finance_platform.definitions/jobs/refresh"
"""The first page of the UI leads there: by the name of the job, and by Jobs in the menu."""

PACK_ADDRESS = f"{PACK_PATH}{PACK_FILE}"
"""The report pack itself, which only a UI on this machine serves."""

_PAGES = (
    ("/assets/reporting/report_pack", "The report pack", "what happened, against plan and prior year"),
    ("/assets/processed/rejected_rows?view=checks", "Held files and rejected rows", "file, line, reason and the fix"),
    ("/assets/warehouse/fact_financials_by_period?view=partitions", "The months", "published, stale or closed"),
    ("/assets/deliveries", "The files", "a timeline per feed: what came when, what is overdue"),
    ("/assets/warehouse/fact_financials", "The figures", "the fact table: what a row is, amounts by month"),
    ("/runs", "The runs", "when data was refreshed, and what failed"),
)


def job_description() -> str:
    """Return the description of the job `refresh`, in Markdown, as the UI shows it."""
    pages = "\n".join(f"- [{name}]({path}): {answer}" for path, name, answer in _PAGES)
    return (
        "Brings everything up to date, and does only what is stale: registers new files, reads them, builds the star, "
        f"loads it into the warehouse, writes the reports.\n\n**Start here**\n\n{pages}"
    )


def addresses(url: str) -> str:
    """Return the addresses for a terminal, a line for each.

    Args:
        url: of the UI, without a slash at the end.
    """
    rows = [(PACK_ADDRESS, *_PAGES[0][1:]), *_PAGES[1:4], (JOB_PAGE, "All of these", "links, and every run")]
    return "\n".join(f"  {name}: {answer}\n    {url}{path}" for path, name, answer in rows)
