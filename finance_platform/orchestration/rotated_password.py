"""The password of Dagster's records, read again once the database refuses it: RDS rotates it while tasks run.

Belongs here: the hook of each connection, and the secret. Does not belong here: the storage (see `records_storage`).

Tasks get the password when they start. A hook rather than a restart of all tasks: a run would be killed with its task.
Each connection is a new one, because Dagster's storage keeps none, so those that are open are not concerned.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

VARIABLE = "DAGSTER_POSTGRES_SECRET"
"""The variable with the ARN of the secret; empty if the password is not rotated."""

_REFUSED = "password authentication failed"


def read_password(secret_id: str) -> str:
    """Return the password that a secret of RDS has now."""
    import boto3

    text = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
    return str(json.loads(text)["password"])


class RotatedPassword:
    """Connects with the password that worked last, and with the secret's if it is refused."""

    def __init__(self, secret_id: str, read: Callable[[str], str] = read_password) -> None:
        """Read nothing yet: the password that the task was given comes first.

        Args:
            secret_id: the secret.
            read: returns its password.
        """
        self._secret_id, self._read = secret_id, read
        self._password = ""
        self._lock = threading.Lock()

    def connect(self, dialect: Any, _: Any, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        """Return a connection; SQLAlchemy calls this in place of its own `connect`.

        Raises:
            Exception: what the driver raises, if it is not the password, or the secret's is refused as well.
        """
        known = self._password
        if known:
            parameters["password"] = known
        try:
            return dialect.connect(*arguments, **parameters)
        except dialect.loaded_dbapi.Error as refusal:
            if _REFUSED not in str(refusal):
                raise
        with self._lock:
            if self._password == known:  # else another thread has read it meanwhile
                self._password = self._read(self._secret_id)
        parameters["password"] = self._password
        return dialect.connect(*arguments, **parameters)


_listening: set[str] = set()


def follow_rotation() -> None:
    """Let every connection of this process follow the secret that `VARIABLE` names, if it names one."""
    secret_id = os.environ.get(VARIABLE, "")
    if secret_id and secret_id not in _listening:
        _listening.add(secret_id)
        event.listen(Engine, "do_connect", RotatedPassword(secret_id).connect)
