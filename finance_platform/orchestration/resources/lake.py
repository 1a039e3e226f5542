"""The lake resource: the two zones behind the lake's port.

Belongs here: which adapter stands behind the port. Does not belong here: what the zones hold, what of them is
particular to AWS (see `lake_aws`).
"""

import dagster as dg

from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_events import S3Events
from finance_platform.storage.s3_options import S3Options


class LakeResource(dg.ConfigurableResource[ObjectStore]):
    """The raw zone and the processed zone, each in a folder or at an address of S3.

    Attributes:
        raw_root: where the raw zone is; only ever read.
        processed_root: where the processed zone is.
        raw_events_queue_url: the queue that is told of writes to the raw zone; empty where nobody tells.
        aws_region: the region; as boto3 finds it when empty.
        s3_endpoint_url: another address for S3.
        s3_kms_key_id: the key that written objects are encrypted with; the bucket's own when empty.
        s3_request_payer: whether reading the raw zone is paid by whoever reads.
    """

    raw_root: str
    processed_root: str
    raw_events_queue_url: str = ""
    aws_region: str = ""
    s3_endpoint_url: str = ""
    s3_kms_key_id: str = ""
    s3_request_payer: bool = False

    @property
    def raw(self) -> ObjectStore:
        """The raw zone."""
        return self._open(self.raw_root, self._options(is_raw=True))

    @property
    def processed(self) -> ObjectStore:
        """The processed zone."""
        return self._open(self.processed_root, self._options())

    @property
    def hints(self) -> S3Events | None:
        """Who is told of writes to the raw zone, if anybody."""
        if not self.raw_events_queue_url:
            return None
        from finance_platform.storage.sqs import S3EventQueue  # boto3 takes most of a second to import

        return S3EventQueue(self.raw_events_queue_url, self.aws_region)

    def _open(self, root: str, options: S3Options) -> ObjectStore:
        return open_store(root, options)

    def _options(self, *, is_raw: bool = False) -> S3Options:
        return S3Options(
            region=self.aws_region,
            endpoint_url=self.s3_endpoint_url,
            kms_key_id=self.s3_kms_key_id,
            request_payer=is_raw and self.s3_request_payer,
        )
