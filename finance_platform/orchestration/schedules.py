"""Schedules: the close calendar.

Belongs here: what starts runs by the clock. Does not belong here: what starts them by news (see `sensors`).
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from finance_platform.orchestration.jobs import REFRESH
from finance_platform.settings import Settings

_EVERY_MORNING = "0 6 * * *"
_SATURDAY = 5


def working_day(day: date, holidays: Collection[date] = ()) -> int | None:
    """Return which working day of its month a day is, counting from 1; None where it is none.

    Args:
        day: the day.
        holidays: days that are no working days beside Saturdays and Sundays.
    """
    days = [day.replace(day=1) + timedelta(days=offset) for offset in range(day.day)]
    working = [one for one in days if one.weekday() < _SATURDAY and one not in holidays]
    return len(working) if working and working[-1] == day else None


def close_calendar(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Return the schedule that refreshes on the closing day's morning; none where no closing day is set."""
    closing = settings.close_working_day
    if closing is None:
        return []

    @dg.schedule(
        name="close_calendar",
        job_name=REFRESH,
        cron_schedule=_EVERY_MORNING,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if settings.auto_refresh else dg.DefaultScheduleStatus.STOPPED,
        description=f"Refreshes at 06:00 UTC on working day {closing} of each month, so that the close begins with all "
        "that has come. Set by FINANCE_PLATFORM_CLOSE_WORKING_DAY and FINANCE_PLATFORM_CLOSE_HOLIDAYS.",
    )
    def on_closing_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = context.scheduled_execution_time.astimezone(UTC).date()
        found = working_day(day, settings.close_holidays)
        if found != closing:
            name = "no working day" if found is None else f"working day {found}"
            return dg.SkipReason(f"{day} is {name}; the books close on working day {closing}")
        closes = datetime(day.year, day.month, 1, tzinfo=UTC) - timedelta(days=1)
        return dg.RunRequest(run_key=f"close {closes:%Y-%m}", tags={"finance_platform/closes": f"{closes:%Y-%m}"})

    return [on_closing_day]
