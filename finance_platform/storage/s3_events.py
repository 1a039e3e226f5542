"""The queue of S3 events: S3 reports each write of the raw zone to EventBridge, whose rule sends it to an SQS queue.

Belongs here: what is particular to SQS. Does not belong here: what has changed (see `deliveries.changes`). Events only
shorten the wait for the next listing; the listing alone decides what is new.
"""

from __future__ import annotations

from finance_platform.errors import S3EventsError

_BATCH = 10
"""The maximum number of messages in one response of SQS."""

_MAX_BATCHES = 50
"""A sensor tick reads no more batches than this; the next tick reads the rest."""


class S3EventQueue:
    """A queue whose messages are removed without being parsed: only their existence counts."""

    def __init__(self, url: str, region: str = "") -> None:
        """Make no connection yet.

        Args:
            url: the queue's address.
            region: its region; empty for boto3's default.
        """
        self._url, self._region = url, region

    def poll(self) -> bool:
        """Return whether events have arrived since the last poll, and remove them.

        Raises:
            S3EventsError: the queue cannot be read.
        """
        # Here, since the sensor imports this module also where there is no queue, and boto3 takes most of a second.
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        # A long wait is not worthwhile: the sensor polls again within seconds.
        config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 2})
        try:
            queue = boto3.client("sqs", region_name=self._region or None, config=config)
            for batch in range(_MAX_BATCHES):
                messages = queue.receive_message(QueueUrl=self._url, MaxNumberOfMessages=_BATCH).get("Messages", [])
                if not messages:
                    return batch > 0
                queue.delete_message_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                        for number, message in enumerate(messages)
                    ],
                )
        except (BotoCoreError, ClientError) as error:
            raise S3EventsError(
                f"{self._url}: {error}", fix="check the queue's address, the credentials and the region"
            ) from error
        return True
