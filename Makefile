# Every target sets up its own environment; the machine needs Python 3.11 to 3.13 and make.
.DEFAULT_GOAL := help
.PHONY: help run ui ui-aws test test-fast test-nightly test-older-spark coverage check check-style check-types check-rules check-definitions check-templates check-locks check-secrets accept-secrets audit bench sample reference tutorial \
	screenshots dist deploy lock clean

PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
# Compiled modules are kept even where the environment says otherwise: each of the tests' processes would compile all again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder
# A stamp records an installation; it is out of date when a lock file has changed since.
RUNTIME := .venv/runtime.stamp
DEVELOPMENT := .venv/development.stamp
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url \
	--custom-compile-command "make lock"
COMPILE := $(LOCK) pyproject.toml

# The image on AWS has Spark's client instead of Spark (infra/Dockerfile says why).
IMAGE_LOCK := infra/requirements-image.in -c requirements.txt --no-emit-package pyspark --no-emit-package py4j
SPARK_LOCK := infra/requirements-spark.in --no-deps
# The Spark of Glue 5, which cannot be in one environment with that of Glue 6.
SPARK35_LOCK := finance_platform_tests/requirements-spark35.in --python-version 3.11
SPARK35 := .venv-spark35

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUNTIME)  ## Bring the sample (or FINANCE_PLATFORM_HOME) up to date, end to end
	@$(BIN)/finance-platform run

ui: $(RUNTIME)  ## Open the Dagster UI on http://127.0.0.1:3000
	@$(BIN)/finance-platform ui

ui-aws: $(DEVELOPMENT)  ## Open the UI on profile aws, with the sample and local substitutes for AWS
	@$(BIN)/python -m finance_platform_tests.aws.ui

test: $(DEVELOPMENT)  ## Run the tests
	@$(PYTEST)

test-fast: $(DEVELOPMENT)  ## Run the tests that take no whole run, no browser and no JVM
	@$(PYTEST) -m "not (end_to_end or browser or jvm or live_aws)"

test-nightly: $(DEVELOPMENT)  ## Run the tests with many random homes and every breaking point; hours
	@TEST_PROFILE=nightly $(PYTEST)

test-older-spark: $(DEVELOPMENT)  ## Run both jobs on Spark 3.5, as in Glue 5, and compare every table; needs Java 17 and Python 3.11
	@python3.11 -m venv $(SPARK35)
	@$(SPARK35)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r finance_platform_tests/requirements-spark35.txt
	@PYTHON_WITH_SPARK_35=$(CURDIR)/$(SPARK35)/bin/python $(BIN)/pytest -q finance_platform_tests/transforms/test_engine_parity.py -k spark_of_glue_5

coverage: $(DEVELOPMENT)  ## Run the tests and hold the coverage of lines and branches to its floor
	@$(PYTEST) --cov --cov-report=term

check: check-style check-types check-rules check-definitions check-templates check-locks check-secrets  ## Lint, types, import rules, Dagster's definitions, templates, locks, secrets

check-style: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: $(DEVELOPMENT)
	$(BIN)/mypy

check-rules: $(DEVELOPMENT)
	$(BIN)/lint-imports
	$(BIN)/pytest -q finance_platform_tests/test_architecture.py finance_platform_tests/test_vocabulary.py

# The folder that .env names may be gone since it was written there.
check-definitions: $(DEVELOPMENT)
	@$(BIN)/python -m finance_platform.orchestration.dagster_environment
	@$(BIN)/dg check defs

check-templates: $(DEVELOPMENT)
	$(BIN)/cfn-lint --regions us-east-1 eu-central-1 -- infra/cloudformation_template.yaml infra/deploy_role.yaml
	$(BIN)/pytest -q finance_platform_tests/aws/test_template_policies.py

check-locks: $(DEVELOPMENT)
	@mkdir -p build && cp requirements.txt requirements-dev.txt infra/requirements-image.txt infra/requirements-spark.txt build/
	$(COMPILE) --group build -o build/requirements.txt
	$(COMPILE) --group build --group dev -c requirements.txt -o build/requirements-dev.txt
	$(COMPILE) $(IMAGE_LOCK) -o build/requirements-image.txt
	$(LOCK) $(SPARK_LOCK) -o build/requirements-spark.txt
	@cp finance_platform_tests/requirements-spark35.txt build/
	$(LOCK) $(SPARK35_LOCK) -o build/requirements-spark35.txt
	@diff finance_platform_tests/requirements-spark35.txt build/requirements-spark35.txt && diff requirements.txt build/requirements.txt && diff requirements-dev.txt build/requirements-dev.txt \
		&& diff infra/requirements-image.txt build/requirements-image.txt \
		&& diff infra/requirements-spark.txt build/requirements-spark.txt \
		|| { echo "The lock files differ from pyproject.toml. Run: make lock"; exit 1; }

check-secrets: $(DEVELOPMENT)
	@$(BIN)/python -m finance_platform_tests.committed_secrets

accept-secrets: $(DEVELOPMENT)  ## Record that what check-secrets finds now are no secrets
	@$(BIN)/python -m finance_platform_tests.committed_secrets --accept

# Each lock has all packages with their hashes, so nothing is resolved or installed.
audit: $(DEVELOPMENT)  ## Look for known vulnerabilities of the locked packages; needs the network
	@for lock in requirements.txt requirements-dev.txt infra/requirements-image.txt infra/requirements-spark.txt; do \
		$(BIN)/pip-audit --disable-pip --no-deps --require-hashes --strict --progress-spinner off -r $$lock || exit 1; done

bench: $(DEVELOPMENT)  ## Measure runs, scans, parsers, requests to S3 and other tools (docs/performance.md)
	@$(BIN)/python benchmarks/parser_scaling.py
	@$(BIN)/python benchmarks/reading_speed.py
	@$(BIN)/python benchmarks/large_file.py 2
	@$(BIN)/python benchmarks/workbook_reading.py
	@$(BIN)/python benchmarks/run_times.py
	@$(BIN)/python benchmarks/scan_cost.py
	@$(BIN)/python benchmarks/many_files.py
	@$(BIN)/python benchmarks/s3_requests.py
	@$(BIN)/python benchmarks/peers.py
	@$(BIN)/python benchmarks/cost_of_change.py

sample: $(DEVELOPMENT)  ## Generate the sample and its answer key
	@$(BIN)/python -m finance_platform_tests.sample.generator

reference: $(DEVELOPMENT)  ## Update the pages, schema, queries and templates that are generated from the code
	@$(BIN)/python -m finance_platform_tests.feed_reference
	@$(BIN)/python -m finance_platform_tests.data_dictionary
	@$(BIN)/python -m finance_platform_tests.prepared_queries
	@$(BIN)/python -m finance_platform_tests.quicksight_resources
	@$(BIN)/python -m finance_platform_tests.terraform_module

tutorial: $(DEVELOPMENT)  ## Run the commands of docs/feeds.md and docs/month_end.md and write their output into the pages
	@$(BIN)/python -m finance_platform_tests.tutorial

screenshots: $(DEVELOPMENT)  ## Update the screenshots of the documentation; needs Chromium
	@$(BIN)/python -m finance_platform_tests.browser.screenshots

dist: $(RUNTIME)  ## Build the release of the Glue jobs: scripts, wheels, and its software bill of materials
	@$(BIN)/python -m finance_platform.deployment.artefacts dist
	@$(BIN)/python -m finance_platform.deployment.sbom dist

lock: $(DEVELOPMENT)  ## Update the lock files after a change of dependencies
	$(COMPILE) --group build -o requirements.txt
	$(COMPILE) --group build --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) $(IMAGE_LOCK) -o infra/requirements-image.txt
	$(LOCK) $(SPARK_LOCK) -o infra/requirements-spark.txt
	$(LOCK) $(SPARK35_LOCK) -o finance_platform_tests/requirements-spark35.txt

deploy: dist  ## Show the changes and deploy to AWS (ARGS="--stack-name finance --image …")
	@$(BIN)/finance-platform deploy $(ARGS)

clean:  ## Remove the environment and the output of the sample
	rm -rf .venv $(SPARK35) build dist data/processed data/dagster data/reports data/warehouse.duckdb data/run.lock

$(RUNTIME): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is required; set PYTHON=/path/to/python"; exit 1; }
	@echo "Setting up .venv (once, about two minutes)."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m finance_platform.orchestration.dagster_environment
	@grep -v '^export DAGSTER_' $(BIN)/activate > $(BIN)/activate.new && mv $(BIN)/activate.new $(BIN)/activate
	@echo 'export DAGSTER_CLI_ASSET_LIST_MODULE_NAME=finance_platform.definitions' >> $(BIN)/activate
	@echo 'export DAGSTER_CLI_ASSET_MATERIALIZE_MODULE_NAME=finance_platform.definitions' >> $(BIN)/activate
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
