"""Assumptions about the services around the warehouse, tried with the deployment's own resources.

Belongs here: S3 and its key, the way out of the network, Glue, alarms and events. Does not belong here: the warehouse
(see `warehouse.redshift.assumptions`).

Those of a task run with the platform's role inside the network; those of a person need the rights of a deployment.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from finance_platform.deployment.aws import Account, translate_aws_errors
from finance_platform.settings import Settings
from finance_platform.storage.s3_options import S3_SCHEME
from finance_platform.warehouse.proof import Assumption, NotTriedError, expect

COST = (
    "This costs less than a dollar: a minute of two Glue workers (0.02), a few seconds of the warehouse, for which "
    "Serverless bills a minute (0.05 at 8 RPU), some requests, one e-mail. It writes to a scratch schema and to "
    "prove/, and removes both."
)
"""What trying everything costs; said before anything is tried."""

_Result = TypeVar("_Result")

_GLUE_SECONDS = 600
_ACTION_SECONDS = 90
_CLUSTER_SECONDS = 1800
_ACTIVE = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})

_GLUE_SCRIPT = """
import json, sys
import boto3
import finance_platform
import olefile, pyarrow, python_calamine
bucket, key = sys.argv[sys.argv.index("--prove_bucket") + 1], sys.argv[sys.argv.index("--prove_key") + 1]
endpoint = sys.argv[sys.argv.index("--s3_endpoint_url") + 1] if "--s3_endpoint_url" in sys.argv else None
seen = {"python": sys.version.split()[0], "pyarrow": pyarrow.__version__}
boto3.client("s3", endpoint_url=endpoint).put_object(Bucket=bucket, Key=key, Body=json.dumps(seen).encode())
"""


def task_assumptions(account: Account, settings: Settings) -> tuple[Assumption, ...]:
    """Return what the platform's own role can try inside the network."""
    return (
        Assumption("objects are encrypted with the deployment's key", lambda: _encryption(account, settings)),
        Assumption("no bucket outside the deployment can be reached", lambda: _way_out(account)),
        Assumption("what is written last to the register is locked", lambda: _lock(account, settings)),
        Assumption("Glue installs the wheels and has pyarrow", lambda: _glue(account, settings)),
    )


def person_assumptions(
    account: Account, ids: Mapping[str, str], raw_uri: str, ask_paused: Callable[[], str] | None = None
) -> tuple[Assumption, ...]:
    """Return what a person with the rights of a deployment can try from outside.

    Args:
        account: the account.
        ids: the physical ids of the stack's resources.
        raw_uri: the raw zone, which may be a bucket that the stack did not create.
        ask_paused: queries the warehouse, which is paused then, and returns what is printed; None to pause nothing.
    """
    return (
        Assumption("an alarm reaches its topic", lambda: _alarm(account, ids)),
        Assumption("a write to the raw zone reaches the queue", lambda: _event(account, ids, raw_uri)),
        Assumption("logs are encrypted with the deployment's key", lambda: _logs(account, ids)),
        Assumption("a paused warehouse says so, and comes back", lambda: _paused(account, ids, ask_paused)),
        Assumption("a password that is rotated reaches running tasks", lambda: _rotated(ids)),
    )


def _split(uri: str) -> tuple[str, str]:
    bucket, _, prefix = uri.removeprefix(S3_SCHEME).partition("/")
    return bucket, f"{prefix.rstrip('/')}/" if prefix else ""


def _encryption(account: Account, settings: Settings) -> str:
    bucket, prefix = _split(settings.processed_root)
    key, client = f"{prefix}prove/{secrets.token_hex(8)}", account.client("s3")
    with translate_aws_errors(f"writing s3://{bucket}/{key}"):
        client.put_object(Bucket=bucket, Key=key, Body=b"finance")
        try:
            item = client.get_object(Bucket=bucket, Key=key)
            content, encryption = item["Body"].read(), item.get("ServerSideEncryption", "none")
            key_id = item.get("SSEKMSKeyId", "")
        finally:
            client.delete_object(Bucket=bucket, Key=key)
    return expect(content == b"finance" and encryption == "aws:kms", f"encryption {encryption} {key_id}".strip())


def _way_out(account: Account) -> str:
    bucket = f"prove-{secrets.token_hex(12)}"  # no account has it: without the endpoint's policy S3 says so
    with translate_aws_errors("looking for a bucket of another account"):
        try:
            account.client("s3").head_bucket(Bucket=bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
        else:
            code = "200"
    return expect(code == "403", f"the answer to an unknown bucket is {code}")


def _glue(account: Account, settings: Settings) -> str:
    if not settings.glue_modules:
        raise NotTriedError("FINANCE_PLATFORM_GLUE_MODULES is not set: deploy first")
    scripts, scripts_prefix = _split(settings.scripts_uri)
    processed, prefix = _split(settings.processed_root)
    name = secrets.token_hex(8)
    script, result = f"{scripts_prefix}temp/prove/{name}.py", f"{prefix}prove/{name}.json"
    s3, glue, job = account.client("s3"), account.client("glue"), f"{settings.glue_job_prefix}-standardise"
    arguments = {
        "--scriptLocation": f"{S3_SCHEME}{scripts}/{script}",
        "--additional-python-modules": settings.glue_modules,
        "--prove_bucket": processed,
        "--prove_key": result,
    }
    if settings.s3_endpoint_url:
        arguments["--s3_endpoint_url"] = settings.s3_endpoint_url
    with translate_aws_errors(f"running {job}"):
        s3.put_object(Bucket=scripts, Key=script, Body=_GLUE_SCRIPT.encode())
        try:
            run = glue.start_job_run(JobName=job, Arguments=arguments)["JobRunId"]
            state = _wait(
                lambda: _ended_run(glue, job, run), _GLUE_SECONDS, account.poll_seconds, f"{job} {run} is still active"
            )
            expect(state["JobRunState"] == "SUCCEEDED", f"{state['JobRunState']}: {state.get('ErrorMessage', '')}")
            seen = json.loads(s3.get_object(Bucket=processed, Key=result)["Body"].read())
        finally:
            s3.delete_object(Bucket=scripts, Key=script)
            s3.delete_object(Bucket=processed, Key=result)
    return f"Python {seen['python']}, pyarrow {seen['pyarrow']}"


def _ended_run(glue: Any, job: str, run: str) -> Mapping[str, Any] | None:
    described: Mapping[str, Any] = glue.get_job_run(JobName=job, RunId=run)["JobRun"]
    return None if described["JobRunState"] in _ACTIVE else described


def _alarm(account: Account, ids: Mapping[str, str]) -> str:
    name, client = ids["RunFailedAlarm"], account.client("cloudwatch")
    with translate_aws_errors(f"setting the alarm {name}"):
        before = client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]
        started = time.time() - 5
        client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="finance-platform prove")
        try:
            action = _wait(
                lambda: _action_since(client, name, started),
                _ACTION_SECONDS,
                account.poll_seconds,
                "no action in its history",
            )
        finally:
            client.set_alarm_state(AlarmName=name, StateValue=before, StateReason="finance-platform prove has ended")
    return expect(action["HistorySummary"].lower().startswith("successfully"), action["HistorySummary"])


def _action_since(client: Any, name: str, started: float) -> Mapping[str, Any] | None:
    history = client.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
    return next((item for item in history if item["Timestamp"].timestamp() >= started), None)


def _event(account: Account, ids: Mapping[str, str], raw_uri: str) -> str:
    bucket, prefix = _split(raw_uri)
    key = f"{prefix}prove/{secrets.token_hex(8)}.prove"
    s3, sqs = account.client("s3"), account.client("sqs")
    with translate_aws_errors(f"writing {key} to the raw zone"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"finance")
        try:
            _wait(
                lambda: _message_of(sqs, ids["RawEvents"], key),
                _ACTION_SECONDS,
                0.0,
                "no message with that key; the sensor may have received it: switch it off in the UI, and try again",
            )
        finally:
            s3.delete_object(Bucket=bucket, Key=key)
    return "a message with the object's key"


def _message_of(sqs: Any, queue: str, key: str) -> bool:
    # Invisible for no time: the sensor receives the message as well.
    response = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5, VisibilityTimeout=0)
    return any(key in message["Body"] for message in response.get("Messages", []))


def _lock(account: Account, settings: Settings) -> str:
    if not settings.s3_lock_days:
        raise NotTriedError("evidence has no lock: RegisterLockDays is 0")
    bucket, prefix = _split(settings.processed_root)
    client = account.client("s3")
    with translate_aws_errors(f"reading the lock of an event in s3://{bucket}/{prefix}register/"):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}register/")
        events = [item for page in pages for item in page.get("Contents", ())]
        if not events:
            raise NotTriedError("the register has no event yet: run it again after the first load")
        newest = max(events, key=lambda item: (item["LastModified"], item["Key"]))
        head = client.head_object(Bucket=bucket, Key=newest["Key"])
    mode, until = head.get("ObjectLockMode", ""), head.get("ObjectLockRetainUntilDate")
    seen = f"{newest['Key']}: {mode} until {until:%Y-%m-%d}" if until else f"{newest['Key']} has no lock"
    return expect(mode == settings.s3_lock_mode and until, seen)


def _logs(account: Account, ids: Mapping[str, str]) -> str:
    group = ids["TaskLogs"]
    with translate_aws_errors(f"describing the log group {group}"):
        found = account.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    keys = [item.get("kmsKeyId", "") for item in found if item["logGroupName"] == group]
    is_ours = "Key" not in ids or any(ids["Key"] in key for key in keys)
    return expect(any(keys) and is_ours, f"{group}: {keys[0] if any(keys) else 'no key'}")


def _paused(account: Account, ids: Mapping[str, str], ask: Callable[[], str] | None) -> str:
    cluster = ids.get("Cluster", "")
    if not cluster:
        raise NotTriedError("the stack has no cluster, and Redshift Serverless is never paused: a query wakes it")
    if ask is None:
        raise NotTriedError(
            "it stops the cluster for all readers for ten minutes: `finance-platform remote --pause prove` tries it"
        )
    client = account.client("redshift")

    def is_in(state: str) -> Callable[[], bool]:
        def look() -> bool:
            (found,) = client.describe_clusters(ClusterIdentifier=cluster)["Clusters"]
            return bool(found["ClusterStatus"] == state)

        return look

    with translate_aws_errors(f"pausing the cluster {cluster}"):
        client.pause_cluster(ClusterIdentifier=cluster)
        try:
            _wait(is_in("paused"), _CLUSTER_SECONDS, account.poll_seconds, f"{cluster} is not paused")
            printed = ask()
        finally:
            client.resume_cluster(ClusterIdentifier=cluster)
        _wait(is_in("available"), _CLUSTER_SECONDS, account.poll_seconds, f"{cluster} is not available again")
    last = printed.strip().splitlines()[-1:] or ["nothing"]
    return expect("paused" in printed, f"a query printed: {' '.join(last)}")


def _rotated(ids: Mapping[str, str]) -> str:
    raise NotTriedError(
        "it is a change that lasts: with RotatePasswords=on, `aws secretsmanager rotate-secret` on the secret rds!… of "
        f"{ids.get('Records', 'the records')}, then see that the UI still opens and a refresh runs to its end"
    )


def _wait(look: Callable[[], _Result | None], seconds: float, pause: float, otherwise: str) -> _Result:
    """Return the first result of `look` that is true.

    Raises:
        DiffersError: there is none in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        result = look()
        if result:
            return result
        expect(time.monotonic() < deadline, f"{otherwise} after {seconds:.0f} s")
        time.sleep(pause)
