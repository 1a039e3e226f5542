"""The errors that the platform reports to users, each with a title, a finding and a fix.

Belongs here: exception classes with constant titles and variable parts as fields.
Does not belong here: handling, logging, exit codes (see `cli`).
"""

from __future__ import annotations

from finance_platform.safe_text import hide_credentials, printable


class FinancePlatformError(Exception):
    """Base of every error that this platform raises on purpose.

    Attributes:
        title: the kind of error, constant, so that errors can be grouped and searched.
        found: the variable part: which file, line, column, value.
        fix: what to do next.
        is_timeout: whether something took longer than a limit allows.
    """

    is_timeout = False
    title = "The platform stopped on an error"

    def __init__(self, found: str, *, fix: str = "") -> None:
        # Both may quote text from files, and a library's message an address from the environment, such as a proxy's.
        self.found = hide_credentials(printable(found))
        self.fix = hide_credentials(printable(fix))
        super().__init__(self.found, self.fix)

    def __str__(self) -> str:
        text = f"{self.title}: {self.found}"
        return f"{text}\n  Fix: {self.fix}" if self.fix else text


class PermanentError(FinancePlatformError):
    """Retrying without a change cannot succeed."""


class TransientError(FinancePlatformError):
    """The same step may succeed when it is retried."""


class SettingsError(PermanentError):
    """A setting has a value that is not allowed."""

    title = "A setting is not valid"


class HomeError(PermanentError):
    """The home folder cannot be used."""

    title = "The home folder cannot be used"


class DiskError(HomeError, OSError):
    """A disk of this machine is full, read-only or faulty, or a permission on it is missing."""


class MachineError(HomeError):
    """The disk, a permission or the memory of this machine does not suffice."""

    title = "This machine lacks space, memory or a permission"


class ReportFolderError(HomeError):
    """The folder of a report cannot be written to."""

    title = "The report cannot be written"


class DagsterStorageError(HomeError):
    """Dagster's records in the home cannot be opened, read or written."""


class StorageError(PermanentError):
    """Storage cannot be used until an address, a permission or credentials are corrected."""

    title = "Storage cannot be used"


class UnreadableObjectError(StorageError, OSError):
    """One object cannot be read, for example because of a file's permissions; the others can."""

    title = "An object in storage cannot be read"


class DamagedObjectError(PermanentError):
    """A document or Parquet file of the processed zone is missing, truncated or foreign; it can be derived again.

    Attributes:
        key: the object.
        why: what is wrong with it, a clause.
    """

    title = "A file of the processed zone is damaged"

    def __init__(
        self, key: str, why: str, *, fix: str = "run `finance-platform run --rebuild`, which checks every file"
    ) -> None:
        self.key, self.why = key, why
        super().__init__(f"{key}: {why}", fix=fix)


class OutdatedObjectError(DamagedObjectError):
    """A file that is derived of others is as it was written, and these are others now; no damage, and derived again."""

    title = "A file of the processed zone is outdated"


class AsOfError(PermanentError):
    """What was published or signed at that time is not known, or no longer kept."""

    title = "That state cannot be shown"


class RegisterError(PermanentError):
    """An event of the register is damaged or missing; it cannot be derived again."""

    title = "The register is damaged"


class LostDeliveryError(PermanentError):
    """A delivery counts, its record or rows are damaged, and the raw zone no longer has what was read."""

    title = "A delivery is damaged and cannot be read again"


class TransientStorageError(TransientError, OSError):
    """Storage was busy or unreachable, beyond the retries of its client; an object may be read later."""

    title = "Storage could not be reached"


class S3EventsError(TransientError):
    """The queue of S3 events cannot be read; the next full listing of the raw zone finds the same changes."""

    title = "The events of the raw zone cannot be read"


class LockedError(TransientError):
    """Another run, or a command that decides or migrates, holds a lock of the home."""

    title = "Another run or command is active in this home"


class LeaseLostError(TransientError):
    """This run could not renew its lease in time, so another one may be active; nothing more is written."""

    title = "The run has lost its lease"


class UiOpenError(PermanentError):
    """A UI of the home is already open; two daemons would start every run twice."""

    title = "The UI of this home is already open"


class UiStoppedError(PermanentError):
    """One of the UI's processes has ended, so the others were stopped."""

    title = "The UI has stopped"


class DescriptorError(PermanentError):
    """A feed descriptor is wrong; `found` begins with file and line."""

    title = "A feed descriptor is not valid"


class UnreadableDeliveryError(PermanentError):
    """A raw object cannot be read by the rules of its descriptor; other deliveries are not affected."""

    title = "A file cannot be read"


class MissingColumnError(UnreadableDeliveryError):
    """The header of a file lacks a column that its descriptor needs.

    Attributes:
        field: the first field without a column; empty if it is not known.
        plain: the finding without the name that the column may have now.
    """

    field = ""
    plain = ""


class FileNameError(PermanentError):
    """A raw object's name does not match a pattern of its descriptor."""

    title = "A file name cannot be parsed"


class DecisionError(PermanentError):
    """A person's decision (accept, withdraw, close, reopen) applies to nothing."""

    title = "The decision was not recorded"


class PreviewError(DecisionError):
    """A decision that a dry run shows applies to nothing."""

    title = "The decision would be refused"


class JobError(PermanentError):
    """A Spark job failed, or returned other results than requested."""

    title = "A Spark job failed"


class JobTimeoutError(JobError):
    """A Spark job took longer than its timeout allows."""

    is_timeout = True


class TransientJobError(TransientError):
    """A Spark job could not run, or was lost, for a reason outside the job."""

    title = "A Spark job did not complete and can be retried"


class UnusableResultError(PermanentError):
    """A blocking check failed: a step's results are not used, and the published data stays as it was."""

    title = "A blocking check failed, so nothing after it ran"


class RebuildError(PermanentError):
    """Periods cannot be built again."""

    title = "These periods cannot be built again"


class StarNotBuiltError(FinancePlatformError):
    """The load was started while target slices were not built."""

    title = "The star is not built yet"


class LoadError(PermanentError):
    """A load into the warehouse failed; nothing was published."""

    title = "The load was rolled back"


class DamagedWarehouseError(LoadError):
    """The file of the embedded warehouse is damaged; the next run builds it again from the processed zone.

    Attributes:
        why: what is wrong with it, a clause.
    """

    title = "The file of the warehouse is damaged"

    def __init__(self, place: str, why: str) -> None:
        self.why = why
        fix = "run `finance-platform run`, which sets the file aside and builds it again from the processed zone"
        super().__init__(f"{place}: {why}", fix=fix)


class SecurityError(PermanentError):
    """A role, policy or grant could not be applied; those before it remain."""

    title = "The warehouse's security was not applied"


class TransientWarehouseError(TransientError):
    """The warehouse requires the transaction to be retried on a new connection."""

    title = "The warehouse was busy"


class WarehouseAccessError(LoadError):
    """The warehouse denies the platform access, or has no such database; nothing was read or published."""

    title = "Access to the warehouse failed"


class WarehouseUnreachableError(TransientWarehouseError):
    """The warehouse is temporarily unreachable: paused, restarting, or the connection was lost."""

    title = "The warehouse is temporarily unreachable"


class MigrationError(LoadError):
    """The warehouse's tables differ from this release by more than the additions that it can make itself."""

    title = "The warehouse's tables need a manual change"


class QueryError(PermanentError):
    """A query is not valid, or outside the tested subset of Redshift's dialect."""

    title = "The query cannot be run"


HELP_FOR_QUERIES = "`finance-platform tables` lists tables, and `finance-platform tables NAME` the columns of one"
"""The end of the fix of a query that names what there is not."""


class TraceError(PermanentError):
    """The cell or line of a trace does not exist."""

    title = "There is nothing to trace"


class ReportError(PermanentError):
    """A report was asked for a period, a reference or a business unit that does not exist."""

    title = "There is no such report"


class WorkbookSizeError(PermanentError):
    """A report has more amounts than a sheet of a workbook has rows."""

    title = "The workbook of the report cannot be written"


class MissingRecordError(PermanentError):
    """The processed zone has no record of the inputs of a published slice."""

    title = "A record of the processed zone is missing"


class ArtefactsError(PermanentError):
    """The artefacts that Glue runs were not built, or differ from those that were built."""

    title = "The artefacts of the release are missing"


class DeploymentError(PermanentError):
    """A deployment stopped; existing resources remain, and running it again continues from there."""

    title = "The deployment did not complete"


class DeploymentParameterError(PermanentError):
    """A parameter of the deployment is not allowed by the template."""

    title = "A parameter of the deployment is not valid"


class DeploymentAccessError(PermanentError):
    """AWS denies this user the right to deploy."""

    title = "AWS denied access"
