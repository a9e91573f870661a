# Verbs for people; `make` alone explains them. Everything is installed into .venv/, nothing elsewhere.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# Asked, not looked up: a version manager may answer to names that it cannot run.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { command -v $$name; break; }; done)
BIN := .venv/bin
# Given to the commands only where a person gives it: the settings name a folder of their own.
DATA ?=
PROFILE ?=
UI_PORT ?= 3000
MLFLOW_PORT ?= 5000

# Processes of one thread each: side by side they use two cores better than one process with two threads does.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(or $(WORKERS),2) --dist worksteal --durations=10

# Annoy's own flags include -ffast-math, which newer compilers turn into wrong answers (spotify/annoy#686).
export ANNOY_COMPILER_ARGS = -O3,-std=c++14,-DANNOYLIB_MULTITHREADED_BUILD

.PHONY: help env run test test-fast torture mutants ui lint lock clean

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: .venv/.ready ## the environment in .venv/, exactly as requirements.lock says

run: env ## sample photos (once), then everything that is stale; prints MAP@10 and where submission.csv is; PROFILE=small
	@$(BIN)/imgsim sync --sample $(if $(DATA),--data "$(DATA)") $(if $(PROFILE),--profile "$(PROFILE)")

test: env ## lint, types, import rules and all tests
	@$(MAKE) --no-print-directory lint
	@$(PYTEST) $(PYTEST_ARGS)

test-fast: env ## the tests that start no server, no browser and no whole sync
	@$(PYTEST) -m "not slow" $(PYTEST_ARGS)

torture: env ## kills at random instants, damage, odd places, broken files; SIZE=200 is the large one, of hours
	@$(BIN)/python -m imgsim_tests.torture --size $(or $(SIZE),small)

mutants: env ## small changes of the code that no test notices; MINUTES=3 ONLY=retrieval/glrt.py SEED=1
	@$(BIN)/python -m imgsim_tests.mutants --minutes $(or $(MINUTES),10) --seed $(or $(SEED),0) $(ONLY:%=--only %)

# Dagster runs in the foreground: bash starts jobs in the background deaf to Ctrl-C, and so would be its children.
ui: env ## Dagster's UI and daemon on 127.0.0.1:3000, MLflow's UI on 127.0.0.1:5000; Ctrl-C ends both
	@$(if $(DATA),export IMGSIM_DATA="$(DATA)";) \
	store="$$($(BIN)/imgsim home --tracking)" || exit; export MLFLOW_DISABLE_TELEMETRY=true; \
	$(BIN)/mlflow ui --host 127.0.0.1 --port $(MLFLOW_PORT) --workers 1 \
		--backend-store-uri "$$store" & mlflow=$$!; \
	trap 'kill $$mlflow 2>/dev/null; wait' EXIT; \
	$(BIN)/imgsim ui --port $(UI_PORT)

lint: env ## ruff, mypy and import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: env ## resolve the dependencies anew into requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --quiet --upgrade --output-file requirements.lock

clean: ## remove the environment; photos/ and .imgsim/ stay
	@rm -rf .venv

# uv comes first, by its own pinned line of the lock file; it installs the rest, and removes what is not in it (pip too).
.venv/.ready: requirements.lock pyproject.toml Makefile
	@test -n "$(PYTHON)" || { echo "imgsim needs Python 3.11 to 3.13; found none on the PATH; name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@command -v c++ >/dev/null || { echo "Annoy is built from source; to mend: apt-get install g++ python3-dev (or your system's C++ compiler)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "to mend: apt-get install python3-venv" >&2; exit 1; }
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > .venv/uv.lock
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@echo "Installing the environment into .venv/ (a few gigabytes, once)"
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -c 'import cv2' || { echo "to mend: apt-get install libgl1 libglib2.0-0 (OpenCV's system libraries)" >&2; exit 1; }
	@touch $@
