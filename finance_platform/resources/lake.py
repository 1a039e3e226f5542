"""The lake resource: the two zones behind the lake's port.

Belongs here: which adapter stands behind the port. Does not belong here: what the zones hold.
"""

import dagster as dg

from finance_platform.lake.hints import Hints
from finance_platform.lake.local import LocalLake
from finance_platform.lake.port import Lake


class LakeResource(dg.ConfigurableResource[Lake]):
    """The raw zone and the processed zone.

    Attributes:
        raw_root: where the raw zone is; only ever read.
        processed_root: where the processed zone is.
        raw_events_queue_url: the queue that is told of writes to the raw zone; empty where nobody tells.
    """

    raw_root: str
    processed_root: str
    raw_events_queue_url: str = ""

    @property
    def raw(self) -> Lake:
        """The raw zone."""
        return LocalLake(self.raw_root)

    @property
    def processed(self) -> Lake:
        """The processed zone."""
        return LocalLake(self.processed_root)

    @property
    def hints(self) -> Hints | None:
        """Who is told of writes to the raw zone, if anybody."""
        if not self.raw_events_queue_url:
            return None
        from finance_platform.lake.sqs import SqsHints  # boto3 takes most of a second to import

        return SqsHints(self.raw_events_queue_url)
