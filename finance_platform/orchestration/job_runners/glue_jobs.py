"""Spark jobs on AWS Glue: the jobs of a deployment, with Dagster Pipes over S3.

Belongs here: names of jobs and folders, and the session around a run. Does not belong here: the run itself (see
`glue_run`), its messages (see `s3_messages`), errors of Glue (see `glue_errors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
from dagster_aws.pipes import PipesS3ContextInjector

from finance_platform.code_version import JobName
from finance_platform.orchestration.job_runners.glue_run import GlueRun, WaitPolicy, glue_client
from finance_platform.orchestration.job_runners.pipes_jobs import PipesJobRunner, open_session
from finance_platform.orchestration.job_runners.s3_messages import S3Messages
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.storage.s3 import s3_client
from finance_platform.storage.s3_errors import S3Operation, translate_s3_errors
from finance_platform.storage.s3_options import S3_SCHEME

_TEMPORARY = "temp"
"""The folder under the scripts' address whose objects the deployment lets expire."""


@dataclass(frozen=True)
class GlueJobRunner(PipesJobRunner):
    """Runs Spark jobs in Glue.

    Attributes:
        scripts_uri: s3://...; the jobs' scripts, wheels, interim results and messages.
        job_prefix: the first part of the jobs' names.
        modules: the wheels of the release that the jobs run, as addresses with commas between; its scripts are in their
            folder. Empty for the release of the jobs' definitions, which a deployment changes during a run.
        waiting: how long to wait for what.
    """

    scripts_uri: str
    job_prefix: str
    modules: str = ""
    waiting: WaitPolicy = field(default_factory=WaitPolicy)

    def start_and_wait(self, context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments) -> Sequence[Any]:
        """Run a job in Glue to its end and return the results that it sent.

        Raises:
            LockedError: another run of the job is active.
            TransientJobError: Glue was busy, or lost the run.
            JobError: the job does not exist, may not be started, or failed.
            StorageError: the scripts' bucket cannot be used.
        """
        temporary = f"{self.scripts_uri.rstrip('/')}/{_TEMPORARY}"
        bucket, _, prefix = temporary.removeprefix(S3_SCHEME).partition("/")
        folder = f"{prefix}/messages/{arguments.attempt}"
        arguments = replace(arguments, temp_uri=temporary)
        s3 = s3_client(arguments.s3_options)
        injector = PipesS3ContextInjector(bucket=bucket, client=s3, key_prefix=f"{folder}/")
        messages = S3Messages(s3, bucket, folder)
        run = GlueRun(glue_client(arguments.aws_region), self._job_name(job), self.waiting, context.log.info)
        with (
            translate_s3_errors(S3Operation("write", bucket, folder)),
            open_session(context, injector, messages) as session,
        ):
            run.run_to_end(
                {
                    **arguments.as_glue_arguments(),
                    **self._release_arguments(job),
                    **session.get_bootstrap_cli_arguments(),
                },
                on_poll=messages.handle_new,
                job_error=messages.closing_error,
            )
            messages.wait_until_closed(self.waiting.closing_seconds, self.waiting.poll_seconds)
        _add_metadata(context, run)
        return session.get_custom_messages()

    def describe_log(self, job: JobName, arguments: JobArguments) -> str:
        """Return where the log of an attempt is."""
        return f"in the Glue console at the run of {self._job_name(job)} with the attempt {arguments.attempt}"

    def _release_arguments(self, job: JobName) -> dict[str, str]:
        """Return Glue's own arguments that replace the script and the wheels of the job's definition for one run."""
        if not self.modules:
            return {}
        folder = self.modules.partition(",")[0].rpartition("/")[0]
        return {"--scriptLocation": f"{folder}/{job}_job.py", "--additional-python-modules": self.modules}

    def _job_name(self, job: JobName) -> str:
        return f"{self.job_prefix}-{job.replace('_', '-')}"


def _add_metadata(context: dg.AssetExecutionContext, run: GlueRun) -> None:
    """Add the run and its page in the console to every asset of the step."""
    metadata = {
        "AWS Glue Job Run ID": run.run_id,
        "AWS Glue Job Name": run.job_name,
        "AWS Glue Job Run URL": dg.MetadataValue.url(run.console_url),
    }
    for key in context.selected_asset_keys:
        context.add_asset_metadata(metadata, asset_key=key)
