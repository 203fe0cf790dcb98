# Everything a clean clone needs is Python 3.11 or later and make; uv is fetched into .tools when missing.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

ARGS ?=
PYTEST_ARGS ?=
# A command that runs the unit tests' command.
UNDER ?=
# The report on coverage takes about a quarter of the CPU of the unit tests; empty: none.
COV ?= --cov --cov-report=term
# A worker for each core, four at most: each functional worker starts a LocalStack of its own.
WORKERS ?= -n auto --maxprocesses 4
# The bootstrapped uv is on the PATH of every recipe; one that was there before comes first.
export PATH := $(PATH):$(CURDIR)/.tools/uv/bin
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
BIN := .venv/bin
SYNCED := .venv/.synced
UNIT := packages services $(wildcard tests/repo) $(wildcard tests/chart)

# Iceberg's runtime for the Spark that tests/functional/test_lake_spark.py takes, its S3 client, and the catalog's database.
SPARK_JARS := org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.10.1 org.apache.iceberg:iceberg-aws-bundle:1.10.1 org.xerial:sqlite-jdbc:3.50.3.0

.PHONY: help run test lint types unit shuffled functional lake-soak lake-spark docs page-picture dashboard-picture bench fmt clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(SYNCED) ## Run the pipeline on this machine (ARGS="--help" shows its options)
	@exec $(BIN)/sluice run $(ARGS)

test: lint types unit functional ## Everything that CI runs

lint: $(SYNCED) ## ruff, its formatting, and the rules between the packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(SYNCED) ## mypy, strict
	@$(BIN)/mypy

unit: $(SYNCED) ## Tests without network, with coverage (COV= without; UNDER=scripts/just-booted: as after a boot)
	@$(UNDER) $(BIN)/pytest $(UNIT) -m "not functional and not e2e" $(COV) $(WORKERS) $(PYTEST_ARGS)

shuffled: ## The unit tests in another order each time; it prints its seed (PYTEST_ARGS=--randomly-seed=N: that order)
	@$(MAKE) unit COV= PYTEST_ARGS="-p randomly $(PYTEST_ARGS)"

functional: $(SYNCED) ## The real processes against a real LocalStack, with faults
	@$(BIN)/pytest tests/functional -m "functional and not soak and not spark" $(WORKERS) --dist loadscope $(PYTEST_ARGS)

lake-soak: $(SYNCED) ## The tests of killed compactors, five times as long and from a seed of yours (SLUICE_LAKE_SOAK_SEED)
	@$(BIN)/pytest tests/functional -m soak -n 0 $(PYTEST_ARGS)

lake-spark: $(SYNCED) ## Spark on the lake's table (needs Java and Maven; downloads some 500 MB; on a busy machine ten minutes)
	@for jar in $(SPARK_JARS); do mvn -q -B -Dstyle.color=never dependency:copy -Dartifact=$$jar -DoutputDirectory=$(CURDIR)/.tools/spark; done
	@SPARK_JARS=$(CURDIR)/.tools/spark $(BIN)/pytest tests/functional -m spark -n 0 $(PYTEST_ARGS)

docs: $(SYNCED) ## Make docs/reference again from the code (its alerts need helm)
	@$(BIN)/python scripts/reference.py

page-picture: $(SYNCED) ## Make docs/images/run-page.png again, with Chromium
	@$(BIN)/python scripts/page_picture.py

dashboard-picture: $(SYNCED) ## Make docs/images/dashboard.png again, from what the scaling test kept
	@$(UV) sync --locked --quiet --inexact --group bench
	@$(BIN)/python scripts/dashboard_picture.py

bench: $(SYNCED) ## What an event costs, beside the article's loop and Bento (ARGS="--page docs" writes docs/benchmarks.md)
	@$(UV) sync --locked --quiet --inexact --group bench
	@$(BIN)/python benchmarks/bench.py $(ARGS)

simulate: $(SYNCED) ## Make docs/scaling.md again: lag, money and limits by the source's rate, on paper
	@$(UV) sync --locked --quiet --inexact --group bench
	@cd benchmarks && ../$(BIN)/python -m simulate $(ARGS)

fmt: $(SYNCED) ## Format, and repair what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## Remove environments, caches and local data
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* htmlcov dist
	find packages services tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(SYNCED): pyproject.toml uv.lock $(wildcard packages/*/pyproject.toml services/*/pyproject.toml) | $(UV)
	@$(UV) sync --locked --quiet
	@touch $@

# Only reached when no uv is on the PATH.
.tools/uv/bin/uv:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	  echo "Python 3.11 or later is needed, and $$(python3 --version 2>/dev/null || echo no python3) is what there is." >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip' 2>/dev/null; then \
	  echo "$$found cannot make virtual environments: install its venv package (Debian: $$found-venv)." >&2; exit 1; \
	fi; \
	echo "no uv on the PATH: installing it into .tools/uv"; \
	"$$found" -m venv .tools/uv && .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv

-include deploy/make/*.mk
