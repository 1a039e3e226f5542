"""Hints on AWS: S3 tells EventBridge of each write, a rule passes it on to a queue of SQS.

Belongs here: what is particular to SQS. Does not belong here: what is done with a hint.
"""

from __future__ import annotations

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.storage.s3_events import S3EventsError

_BATCH = 10
"""What SQS gives at most in one answer."""

_BATCHES = 50
"""After so many, a tick of the sensor has waited long enough; the rest tells the next one."""

# A hint is not worth a wait: the sensor comes again in seconds.
_CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 2})


class S3EventQueue:
    """The queue at `url`, whose messages are read and removed unseen: that there are some is all that counts."""

    def __init__(self, url: str, region: str = "") -> None:
        """Name the queue, and the region where it is not the one that boto3 finds; nobody is asked."""
        self._url, self._region = url, region

    def arrived(self) -> bool:
        """Return whether messages were there; see `Hints`."""
        try:
            queue = boto3.client("sqs", region_name=self._region or None, config=_CONFIG)
            for batch in range(_BATCHES):
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
