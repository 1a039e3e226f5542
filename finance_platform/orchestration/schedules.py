"""Schedules: the close calendar, the audit of every night.

Belongs here: what happens at a time. Does not belong here: what happens on changes, or every so often (see `sensors`).
"""

from datetime import UTC, timedelta

import dagster as dg

from finance_platform.feeds.expectations import working_day
from finance_platform.orchestration.jobs import AUDIT, REFRESH
from finance_platform.settings import Settings

_EVERY_MORNING = "0 6 * * *"
_EVERY_NIGHT = "0 3 * * *"


def close_calendar(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Return the schedule that refreshes on the morning of the closing day; none if no closing day is set."""
    closing_day = settings.close_working_day
    if closing_day is None:
        return []

    @dg.schedule(
        name="close_calendar",
        job_name=REFRESH,
        cron_schedule=_EVERY_MORNING,
        execution_timezone="UTC",
        default_status=_default_status(settings),
        description=f"Refreshes at 06:00 UTC on working day {closing_day} of each month, so that the close begins with "
        "all delivered files. Set by FINANCE_PLATFORM_CLOSE_WORKING_DAY and FINANCE_PLATFORM_CLOSE_HOLIDAYS.",
    )
    def on_closing_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = context.scheduled_execution_time.astimezone(UTC).date()
        number = working_day(day, settings.close_holidays)
        if number != closing_day:
            name = "not a working day" if number is None else f"working day {number}"
            return dg.SkipReason(f"{day} is {name}; the books close on working day {closing_day}")
        closed_month = f"{day.replace(day=1) - timedelta(days=1):%Y-%m}"
        return dg.RunRequest(run_key=f"close {closed_month}", tags={"finance_platform/closes": closed_month})

    return [on_closing_day]


def nightly_audit(settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule that audits every published slice at night (151)."""
    return dg.ScheduleDefinition(
        name="nightly_audit",
        job_name=AUDIT,
        cron_schedule=_EVERY_NIGHT,
        execution_timezone="UTC",
        default_status=_default_status(settings),
        description="Runs every check of the warehouse on every published slice at 03:00 UTC. A load audits only the "
        "slices that it replaces.",
    )


def _default_status(settings: Settings) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if settings.auto_refresh else dg.DefaultScheduleStatus.STOPPED
