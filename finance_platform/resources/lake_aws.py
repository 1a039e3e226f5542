"""The lake on AWS: zones on S3 whose client is Dagster's own resource for S3.

Belongs here: that resource, as the platform sets its client up. Does not belong here: the zones (see `lake.s3`).
"""

from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource

from finance_platform.lake.port import Lake
from finance_platform.lake.s3 import S3Lake, s3_client
from finance_platform.lake.zones import S3Options
from finance_platform.resources.lake import LakeResource


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

    def _open(self, root: str, options: S3Options) -> Lake:
        return S3Lake(root, self.s3.get_client(), options)
