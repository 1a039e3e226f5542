"""The errors that a user may meet, each with what was attempted, found, and how to mend it.

Belongs here: exception classes with constant titles and variable parts as fields.
Does not belong here: handling, logging, exit codes (those are `cli`'s).
"""

from __future__ import annotations


class FinancePlatformError(Exception):
    """Base of every error that this platform raises on purpose.

    Attributes:
        title: what went wrong, the same words every time, so that it can be grouped and searched.
        found: the variable part: which file, line, column, value.
        fix: what the reader should do next.
    """

    title = "Something that the platform expected did not hold"

    def __init__(self, found: str, *, fix: str = "") -> None:
        self.found = found
        self.fix = fix
        super().__init__(found, fix)

    def __str__(self) -> str:
        text = f"{self.title}: {self.found}"
        return f"{text}\n  Fix: {self.fix}" if self.fix else text


class PermanentError(FinancePlatformError):
    """Trying again without a change cannot help."""


class TransientError(FinancePlatformError):
    """The same step may succeed when it is tried again."""


class SettingsError(PermanentError):
    """A setting has a value that is not allowed."""

    title = "A setting is not valid"


class HomeError(PermanentError):
    """The home folder cannot be used."""

    title = "The home folder cannot be used"


class StorageError(PermanentError):
    """A zone of the lake cannot be used before someone mends something: its address, a permission, credentials."""

    title = "The lake cannot be used"


class UnreadableObjectError(StorageError, OSError):
    """One object cannot be read, as a file on disk may not be; the others can."""

    title = "An object of the lake cannot be read"


class TransientStorageError(TransientError, OSError):
    """The lake's storage was busy or out of reach, beyond the retries of its client; an object may be read later."""

    title = "The lake could not be reached"


class LockedError(TransientError):
    """Another run holds the home's lock."""

    title = "Another run is at work in this home"


class LeaseLostError(TransientError):
    """This run could not renew its lease in time, so another one may be at work; nothing more is written."""

    title = "The run has lost its hold on the home"


class UiOpenError(PermanentError):
    """A UI of the home is open, whose daemon would start every run beside another's."""

    title = "The UI of this home is open already"


class DescriptorError(PermanentError):
    """A feed descriptor is wrong; `found` begins with file and line."""

    title = "A feed descriptor is not valid"


class UnreadableDeliveryError(PermanentError):
    """A raw object cannot be read as its descriptor says; the other deliveries go on."""

    title = "A file cannot be read"


class FileNameError(PermanentError):
    """A raw object's name does not say what its descriptor reads off it."""

    title = "A file's name cannot be understood"


class DecisionError(PermanentError):
    """A person's decision (accept, withdraw, close, reopen) has nothing that it could apply to."""

    title = "Nothing was decided"


class JobError(PermanentError):
    """A Glue job did not do what was asked of it."""

    title = "A Glue job failed"


class TransientJobError(TransientError):
    """A Glue job could not run, or was lost, through no fault of its own."""

    title = "A Glue job may succeed when it is started again"


class UnusableResultError(PermanentError):
    """A blocking check failed: what a step made must not go on, and what was published before stays."""

    title = "A blocking check failed, so nothing after it ran"


class LoadError(PermanentError):
    """The warehouse was not given what the lake holds; nothing was published."""

    title = "The load was rolled back"


class SecurityError(PermanentError):
    """A role, policy or grant could not be applied; those before it stand."""

    title = "The warehouse is not secured as it should be"


class TransientWarehouseError(TransientError):
    """The warehouse asks for the transaction to be tried again on a new connection."""

    title = "The warehouse was busy"


class WarehouseAccessError(LoadError):
    """The warehouse does not let the platform in, or has no such database; nothing was read or published."""

    title = "The warehouse cannot be entered"


class WarehouseUnreachableError(TransientWarehouseError):
    """The warehouse cannot be reached just now: paused, restarting, or the line was cut."""

    title = "The warehouse cannot be reached just now"


class MigrationError(LoadError):
    """The warehouse's tables are not those of this release, and mending them would be more than adding to them."""

    title = "The warehouse's tables have to be changed by hand"


class QueryError(PermanentError):
    """A query is not valid, or outside the tested subset of Redshift's dialect."""

    title = "The query cannot be run"


class TraceError(PermanentError):
    """A trace was asked for something that is not there."""

    title = "There is nothing to trace"


class MissingRecordError(PermanentError):
    """What is published has no record in the lake that says what it was made from."""

    title = "The lake has lost a record"


class ArtefactsError(PermanentError):
    """What Glue is to run was not built, or is not what was built."""

    title = "The artefacts of a release are not there"


class DeploymentError(PermanentError):
    """A deployment stopped; what stood before stands, and running it again goes on from there."""

    title = "The deployment did not go through"


class DeploymentParameterError(PermanentError):
    """A deployment was asked for with a parameter that the template does not allow."""

    title = "A parameter of the deployment is not valid"


class DeploymentAccessError(PermanentError):
    """AWS does not let this person deploy."""

    title = "AWS refused"
