"""Glue jobs on AWS: the jobs that the deployment has made, started and watched by Dagster Pipes over S3.

Belongs here: what a job is called, where its messages lie, telling people where to look. Does not belong here: waiting
for a run (see `glue_run`), what failures mean (see `glue_errors`), judging results (see `glue`).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
from dagster_aws.pipes import PipesS3ContextInjector

from finance_platform.code_version import JobName, code_version
from finance_platform.orchestration.resources.glue import GlueResource
from finance_platform.orchestration.resources.glue_run import GlueRunClient, MessageFolder, WaitPolicy, glue_client
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.storage.s3 import s3_client
from finance_platform.storage.s3_errors import Attempt, explained_by_s3
from finance_platform.storage.s3_options import S3_SCHEME, S3Options

TEMPORARY = "temp"
"""The folder under the scripts' address for what is not kept; the deployment lets it expire."""


class AwsGlueResource(GlueResource):
    """Runs Glue jobs in Glue.

    Attributes:
        scripts_uri: where the jobs' scripts, wheels, interim results and messages are.
        job_prefix: what the jobs' names begin with.
        poll_seconds: how often a run is asked for its state.
        wait_for_turn_seconds: how long to wait for another run of the same job to end.
    """

    scripts_uri: str
    job_prefix: str
    poll_seconds: float = 5.0
    wait_for_turn_seconds: float = 600.0

    def start_and_wait(self, context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments) -> Sequence[Any]:
        """Run a job in Glue to its end and return the results that it sent.

        Raises:
            LockedError: another run of the job goes on.
            TransientJobError: Glue was busy, or lost the run.
            JobError: there is no such job, it may not be started, or it failed.
            StorageError: the scripts' bucket cannot be used.
        """
        bucket, folder = self._temporary
        messages = MessageFolder(bucket, f"{folder}messages/{arguments.attempt}")
        client = s3_client(S3Options(region=arguments.aws_region, endpoint_url=arguments.s3_endpoint_url))
        arguments = replace(
            arguments, temp_uri=f"{S3_SCHEME}{bucket}/{folder.rstrip('/')}", code_version=code_version(job)
        )
        runs = GlueRunClient(
            client=glue_client(arguments.aws_region),
            context_injector=PipesS3ContextInjector(bucket=bucket, client=client, key_prefix=f"{messages.folder}/"),
            message_reader=messages.reader(client),
            patience=WaitPolicy(self.poll_seconds, self.wait_for_turn_seconds),
        )
        params = {"JobName": self.name_of(job), "Arguments": arguments.as_glue_arguments()}
        with warnings.catch_warnings(), explained_by_s3(Attempt("write", bucket, messages.folder)):
            # Pipes warns of a part of its own that is new; there is nothing that a reader could do about it.
            warnings.filterwarnings("ignore", message=".*expected_writer_count.*")
            invocation = runs.run(context=context, start_job_run_params=params)
        _show(context, invocation.metadata)
        return list(invocation.get_custom_messages())

    def name_of(self, job: JobName) -> str:
        """Return what a job is called in Glue."""
        return f"{self.job_prefix}-{job.replace('_', '-')}"

    def log_of(self, job: JobName, attempt: str) -> str:
        """Return where an attempt's log is."""
        return f"that of the run of {self.name_of(job)} with the attempt {attempt}, in the Glue console"

    @property
    def _temporary(self) -> tuple[str, str]:
        """Bucket and prefix of what is not kept."""
        bucket, _, prefix = self.scripts_uri.removeprefix(S3_SCHEME).strip("/").partition("/")
        return bucket, f"{prefix}/{TEMPORARY}/" if prefix else f"{TEMPORARY}/"


def _show(context: dg.AssetExecutionContext, metadata: Mapping[str, Any]) -> None:
    """Put the run's id and its page in the console on every asset that the step makes."""
    for key in context.selected_asset_keys:
        context.add_asset_metadata(metadata, asset_key=key)
