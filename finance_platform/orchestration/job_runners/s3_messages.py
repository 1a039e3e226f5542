"""The messages of Dagster Pipes that a job writes to a folder of S3.

Belongs here: reading them in order, without a thread: the caller polls the job's run and asks for new messages in the
same loop. Does not belong here: what the messages mean to a step (Dagster's handler knows).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from botocore.exceptions import BotoCoreError, ClientError
from dagster_pipes import PipesBlobStoreMessageWriter


class S3Messages(dg.PipesMessageReader):
    """Reads a job's messages, which include its output, from numbered objects in a folder of its own."""

    def __init__(self, client: Any, bucket: str, folder: str) -> None:
        """Initialise the reader.

        Args:
            client: boto3's client of S3.
            bucket: the bucket.
            folder: the prefix in it, without a slash at its end; no other run's.
        """
        self._client, self._bucket, self._folder = client, bucket, folder
        self._handler: dg.PipesMessageHandler | None = None
        self._next = 1
        self._closing: list[Any] = []

    @contextmanager
    def read_messages(self, handler: dg.PipesMessageHandler) -> Iterator[dict[str, Any]]:
        """Yield the address of the folder, for the job; at the end handle the messages that are left."""
        self._handler = handler
        try:
            yield {
                "bucket": self._bucket,
                "key_prefix": self._folder,
                PipesBlobStoreMessageWriter.INCLUDE_STDIO_IN_MESSAGES_KEY: True,
            }
        finally:
            self.handle_new()
            # A job sends its last output after its closing message; Dagster would warn of every message after that one.
            for message in self._closing:
                handler.handle_message(message)

    def handle_new(self) -> None:
        """Handle the messages that have arrived since the last call."""
        if self._handler is None:
            raise RuntimeError("messages are read within a session only")
        while chunk := self._download(self._next):
            self._next += 1
            for message in map(json.loads, chunk.splitlines()):
                if message["method"] == "closed":
                    self._closing.append(message)
                else:
                    self._handler.handle_message(message)

    def wait_until_closed(self, seconds: float, poll_seconds: float) -> None:
        """Handle messages until the job has closed its side, for a limited time: Glue may report an end early."""
        give_up_at = time.monotonic() + seconds
        self.handle_new()
        while not self._closing and time.monotonic() < give_up_at:
            time.sleep(min(poll_seconds, seconds))
            self.handle_new()

    def closing_error(self) -> str:
        """Return the class and message, in one line, of the error with which the job closed its side; or nothing."""
        self.handle_new()
        for message in self._closing:
            error = (message["params"] or {}).get("exception")
            if error:
                return error_line(error["name"] or "", str(error["message"]))
        return ""

    def no_messages_debug_text(self) -> str:
        """Return where messages were expected."""
        return f"Messages were expected in s3://{self._bucket}/{self._folder}."

    def _download(self, number: int) -> str:
        """Return an object's text, or nothing if it does not exist yet or the connection fails: the next call retries.

        An error here must not end the wait for a job that may succeed.
        """
        try:
            response = self._client.get_object(Bucket=self._bucket, Key=f"{self._folder}/{number}.json")
            return str(response["Body"].read().decode())
        except (BotoCoreError, ClientError):
            return ""


def error_line(name: str, message: str) -> str:
    """Return the line of an error's message that has its class, from there on; the first one if none has it.

    A mistake in the syntax begins with the file and the line.
    """
    lines = message.strip().splitlines() or [""]
    line = next((one for one in lines if name in one), lines[0])
    return line[max(0, line.find(name)) :]
