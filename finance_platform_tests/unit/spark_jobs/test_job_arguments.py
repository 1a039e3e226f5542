"""`spark_jobs.arguments`: by our names and by those on AWS; the S3 options of jobs and of `spark_jobs.session`.

Does not belong here: running a job (see `orchestration/test_glue_resource`, `aws/test_glue`).
"""

from __future__ import annotations

import pytest

from finance_platform.spark_jobs.arguments import JobArguments, parse_arguments
from finance_platform.spark_jobs.session import hadoop_settings
from finance_platform.storage.s3_options import NO_OPTIONS, S3Options, object_store_variables

NEEDED = JobArguments("s3://raw/in", "s3://processed", "20250101T000000-1")
ALL = JobArguments(
    raw_uri="s3://raw/in",
    processed_uri="s3://processed",
    attempt="20250101T000000-1",
    spark_engine="glue",
    spark_master="spark://host:7077",
    temp_uri="s3://scripts/temp",
    code_version="0123456789abcdef",
    aws_region="eu-central-1",
    s3_endpoint_url="https://bucket.vpce-1.s3.eu-central-1.vpce.amazonaws.com",
    s3_kms_key_id="alias/finance",
    s3_request_payer="true",
)


@pytest.mark.parametrize("given", [NEEDED, ALL])
def test_parsed_arguments_equal_the_formatted_ones(given: JobArguments):
    assert parse_arguments(given.as_command_line()) == given
    assert parse_arguments([part for pair in given.as_glue_arguments().items() for part in pair]) == given


def test_the_zones_have_other_names_on_aws():
    arguments = ALL.as_glue_arguments()
    assert (arguments["--RAW_S3_PATH"], arguments["--PROCESSED_S3_PATH"]) == ("s3://raw/in", "s3://processed")
    assert arguments["--TEMP_S3_DIR"] == "s3://scripts/temp"
    assert not {"--raw_uri", "--processed_uri", "--temp_uri"} & set(arguments)


def test_what_is_not_set_is_not_passed():
    assert set(NEEDED.as_glue_arguments()) == {"--RAW_S3_PATH", "--PROCESSED_S3_PATH", "--attempt", "--spark_engine"}


def test_arguments_of_glue_and_of_pipes_are_ignored():
    others = ["--JOB_NAME", "standardise", "--JOB_RUN_ID", "jr_1", "--TempDir", "s3://scripts/temp/"]
    others += ["--python-modules-installer-option", "--no-deps --no-index", "--enable-metrics", "true"]
    others += ["--dagster-pipes-context", "eJwDAAAAAAE="]
    assert parse_arguments([*others, *ALL.as_command_line(), *others]) == ALL


def test_the_last_value_of_an_argument_counts():
    assert parse_arguments([*ALL.as_command_line(), "--spark_engine", "sail"]).spark_engine == "sail"


def test_a_job_without_its_zones_does_not_start(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parse_arguments(["--attempt", "1"])
    assert "--RAW_S3_PATH" in capsys.readouterr().err


def test_an_abbreviated_argument_is_not_accepted():
    with pytest.raises(SystemExit):
        parse_arguments(["--raw", "s3://raw", "--processed", "s3://processed", "--attempt", "1"])


def test_only_the_raw_zone_is_requester_pays_and_only_our_own_data_is_encrypted_with_our_key():
    assert ALL.raw_options == S3Options(
        region="eu-central-1", endpoint_url=ALL.s3_endpoint_url, kms_key_id="", request_payer=True
    )
    assert ALL.s3_options == S3Options(
        region="eu-central-1", endpoint_url=ALL.s3_endpoint_url, kms_key_id="alias/finance", request_payer=False
    )


def test_interim_results_go_to_the_processed_zone_by_default():
    assert NEEDED.temporary.root == "s3://processed"
    assert ALL.temporary.root == "s3://scripts/temp"


@pytest.mark.parametrize(("uri", "is_on_disk"), [("/home/data/processed", True), ("s3://processed", False)])
def test_the_place_of_the_processed_zone_does_not_depend_on_the_engine(uri: str, is_on_disk: bool):
    for engine in ("sail", "glue"):
        assert JobArguments("raw", uri, "1", engine).has_local_zone is is_on_disk
    assert JobArguments("raw", uri, "1").is_in_glue


def test_sail_gets_the_s3_options_under_its_own_names(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert object_store_variables(NO_OPTIONS) == {}
    assert object_store_variables(S3Options(region="eu-west-1", kms_key_id="k")) == {
        "AWS_REGION": "eu-west-1",
        "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
        "AWS_SSE_KMS_KEY_ID": "k",
    }
    assert object_store_variables(S3Options(endpoint_url="https://endpoint")) == {
        "AWS_ENDPOINT": "https://endpoint",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
    }


def test_sail_gets_the_endpoint_of_boto3_s_environment_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    variables = object_store_variables(NO_OPTIONS)
    assert (variables["AWS_ENDPOINT"], variables["AWS_ALLOW_HTTP"]) == ("http://127.0.0.1:5000", "true")


def test_spark_on_glue_gets_the_s3_options_under_hadoop_s_names():
    assert hadoop_settings(NO_OPTIONS) == {}
    assert hadoop_settings(S3Options(region="eu-west-1")) == {}
    assert hadoop_settings(S3Options(region="eu-west-1", endpoint_url="https://endpoint", kms_key_id="k")) == {
        "spark.hadoop.fs.s3a.endpoint": "https://endpoint",
        "spark.hadoop.fs.s3a.endpoint.region": "eu-west-1",
        "spark.hadoop.fs.s3a.encryption.algorithm": "SSE-KMS",
        "spark.hadoop.fs.s3a.encryption.key": "k",
    }
