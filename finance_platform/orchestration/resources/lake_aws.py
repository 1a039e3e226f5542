"""The lake on AWS: zones on S3 whose client is Dagster's own resource for S3.

Belongs here: that resource, as the platform sets its client up. Does not belong here: the zones (see `lake.s3`).
"""

from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource

from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3 import S3Store, s3_client
from finance_platform.storage.s3_options import S3Options


class PlatformS3Resource(S3Resource):
    """S3 with the retries and timeouts that every other part of the platform has; Dagster's own has no setting for."""

    def get_client(self) -> Any:
        """Return the client."""
        return s3_client(S3Options(region=self.region_name or "", endpoint_url=self.endpoint_url or ""))


class AwsLakeResource(LakeResource):
    """The raw zone and the processed zone on S3.

    Attributes:
        s3: who gives the client.
    """

    s3: dg.ResourceDependency[PlatformS3Resource]

    def _open(self, root: str, options: S3Options) -> ObjectStore:
        return S3Store(root, self.s3.get_client(), options)
