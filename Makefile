# Every target sets itself up on a machine that has Python 3.11 to 3.13 and make.
.DEFAULT_GOAL := help
.PHONY: help run ui ui-aws test check check-style check-types check-rules check-templates check-locks bench sample screenshots \
	dist deploy lock clean

PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
# The stamps say what is installed; they are older than the files they depend on after those change.
RUNTIME := .venv/runtime.stamp
DEVELOPMENT := .venv/development.stamp
COMPILE := $(BIN)/uv pip compile --quiet pyproject.toml --universal --generate-hashes --no-strip-extras \
	--no-emit-index-url --custom-compile-command "make lock"

# The image on AWS has no Spark and no DuckDB (infra/Dockerfile says why).
IMAGE_LOCK := infra/requirements-image.in -c requirements.txt --no-emit-package pyspark --no-emit-package py4j \
	--no-emit-package pysail --no-emit-package duckdb

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUNTIME)  ## Bring the sample (or FINANCE_PLATFORM_HOME) up to date, end to end
	@$(BIN)/finance-platform run

ui: $(RUNTIME)  ## Open the Dagster UI on http://127.0.0.1:3000
	@$(BIN)/finance-platform ui

ui-aws: $(DEVELOPMENT)  ## Open the UI on profile aws, with the sample, against stand-ins of AWS on this machine
	@$(BIN)/python -m finance_platform_tests.aws.ui

test: $(DEVELOPMENT)  ## Run the tests
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

check: check-style check-types check-rules check-templates check-locks  ## Lint, format, types, import rules, templates, locks

check-style: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: $(DEVELOPMENT)
	$(BIN)/mypy

check-rules: $(DEVELOPMENT)
	$(BIN)/lint-imports
	$(BIN)/pytest -q finance_platform_tests/test_architecture.py

check-templates: $(DEVELOPMENT)
	$(BIN)/cfn-lint --regions us-east-1 eu-central-1 -- infra/cloudformation_template.yaml
	$(BIN)/pytest -q finance_platform_tests/aws/test_template_policies.py

check-locks: $(DEVELOPMENT)
	@mkdir -p build && cp requirements.txt requirements-dev.txt infra/requirements-image.txt build/
	$(COMPILE) --group build -o build/requirements.txt
	$(COMPILE) --group build --group dev -c requirements.txt -o build/requirements-dev.txt
	$(COMPILE) $(IMAGE_LOCK) -o build/requirements-image.txt
	@diff requirements.txt build/requirements.txt && diff requirements-dev.txt build/requirements-dev.txt \
		&& diff infra/requirements-image.txt build/requirements-image.txt \
		|| { echo "The locks are not in step with pyproject.toml. Run: make lock"; exit 1; }

bench: $(DEVELOPMENT)  ## Measure times on the sample, looks at 100,000 files, what a change costs on 5 million rows
	@$(BIN)/python benchmarks/run_times.py
	@$(BIN)/python benchmarks/looks.py
	@$(BIN)/python benchmarks/cost_of_change.py

sample: $(DEVELOPMENT)  ## Write the sample and its answer key again
	@$(BIN)/python -m finance_platform_tests.sample.generator

screenshots: $(DEVELOPMENT)  ## Make the screenshots of the documentation again; needs Chromium
	@$(BIN)/python -m finance_platform_tests.browser.screenshots

dist: $(RUNTIME)  ## Build what the Glue jobs on AWS run: scripts, our wheel, the wheels that Glue lacks
	@$(BIN)/python -m finance_platform.deployment.artefacts dist

lock: $(DEVELOPMENT)  ## Write the lock files again after a change of dependencies
	$(COMPILE) --group build -o requirements.txt
	$(COMPILE) --group build --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) $(IMAGE_LOCK) -o infra/requirements-image.txt

deploy: dist  ## Deploy to AWS, having said what changes (ARGS="--stack-name finance --image …")
	@$(BIN)/finance-platform deploy $(ARGS)

clean:  ## Remove the environment and what the sample's run has made
	rm -rf .venv build dist data/processed data/dagster data/reports data/warehouse.duckdb data/run.lock

$(RUNTIME): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python"; exit 1; }
	@echo "Setting up .venv; once, about two minutes."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
