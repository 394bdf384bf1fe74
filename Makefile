# Every target does its own set-up, into .venv. `make` lists them.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# By file: tests that load an image under one name must not run at the same moment.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# Without .pyc files every start of the command would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
# The environment of another project, if one is active, is none of ours.
unexport VIRTUAL_ENV

.PHONY: help setup quickstart test test-fast style-check bench example-locks pins clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY) ## make the environment in .venv, from pinned and hashed requirements

$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "paddlewheel needs Python 3.11 or newer: make PYTHON=python3.12, say")'
	@echo "Setting up $(VENV)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { echo "hint: install Python's venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PIP) --require-hashes -r requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

quickstart: $(READY) ## build a real example into an image, run it, show what it made
	@$(BIN)/python tools/quickstart.py

test: $(READY) example-locks ## all tests; as root on Debian it installs Docker, Podman and a registry for them
	@$(BIN)/python -m tests.setup install
	$(PYTEST)

test-fast: $(READY) ## the tests that need neither network nor engines, in less than a minute
	$(PYTEST) -m "not network and not engine and not slow"

style-check: $(READY) ## ruff and mypy --strict on code and tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY) example-locks ## measure; writes benchmarks/README.md
	$(BIN)/python -m benchmarks

example-locks: examples/fastapi-service/uv.lock examples/data-job/pylock.toml ## make the locks that the examples need

examples/fastapi-service/uv.lock: examples/fastapi-service/pyproject.toml | $(READY)
	@echo "Locking examples/fastapi-service"
	@$(BIN)/uv lock --quiet --project $(@D)
	@touch $@

examples/data-job/pylock.toml: examples/data-job/pyproject.toml | $(READY)
	@echo "Locking examples/data-job"
	@cd $(@D) && $(CURDIR)/$(BIN)/uv pip compile --quiet --universal --format pylock.toml -o pylock.toml pyproject.toml

pins: $(READY) ## renew requirements-dev.txt from pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --group dev -o requirements-dev.txt pyproject.toml

clean: ## remove the environments, what was built, and the tests' services and cache
	@test ! -x $(BIN)/python || $(BIN)/python -m tests.setup down
	rm -rf $(VENV) .venv-other dist build tests/.cache benchmarks/.work examples/*/dist
