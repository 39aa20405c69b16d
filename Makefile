# Recipes of kernelyard. `make` alone lists them.
#
# Everything lives in .venv, made from a lock file with pip alone; set-up is repeated only when a
# lock file or pyproject.toml has changed. PYTHON=python3.12 selects another interpreter.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
  if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
  then echo "$$p"; break; fi; done)
endif

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

export PYTHONUTF8 := 1

##@ To see it work
.PHONY: demo
demo: .venv/.demo-stamp ## run a notebook, lose the connection half way, miss nothing
	@$(BIN)/python examples/demo.py

##@ To work on it
.PHONY: setup
setup: .venv/.stamp ## make .venv from requirements/dev.lock; see that PostgreSQL and kernels are there for tests

.PHONY: check
check: .venv/.stamp ## format, lint, types, walls, generated files, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/generate_sync.py --check
	$(BIN)/python tools/docs_reference.py --check
	$(BIN)/python -m pytest -q -m "not journey" tests

.PHONY: test
test: .venv/.stamp ## every test with coverage; pytest's closing line is the last line
	@$(BIN)/python -m pytest --reruns 1 --cov --cov-report=term tests

.PHONY: journeys
journeys: .venv/.stamp ## only the slow tests: real servers, agents and kernels
	@$(BIN)/python -m pytest -m journey tests

.PHONY: torture
torture: .venv/.stamp ## kill, stop, fill up and cut while kernels work; ARGS="--seed 7 --minutes 5"
	@$(BIN)/python -m tests.torture $(ARGS)

.PHONY: bench
bench: .venv/.stamp ## measure us beside peers, write benchmarks/RESULTS.md; ARGS=--quick for a short look
	@$(BIN)/python -m tools.peers_for_benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: docs
docs: .venv/.stamp ## write the generated references and check every link
	$(BIN)/python tools/docs_reference.py
	$(BIN)/python -m pytest -q tests/architecture/test_links.py tests/architecture/test_reference.py

.PHONY: format
format: .venv/.stamp ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: ## choose versions anew and write the lock files (needs the network)
	@rm -rf build/lock && mkdir -p build/lock
	$(PYTHON) -m venv build/lock/venv
	build/lock/venv/bin/python -m pip --disable-pip-version-check install --quiet uv
	build/lock/venv/bin/uv pip compile pyproject.toml $(LOCK_OPTIONS) \
	  --group dev --extra demo --upgrade --output-file requirements/dev.lock
	build/lock/venv/bin/uv pip compile pyproject.toml $(LOCK_OPTIONS) \
	  --extra demo --constraint requirements/dev.lock --output-file requirements/demo.lock
	build/lock/venv/bin/uv pip compile requirements/kernels.in $(LOCK_OPTIONS) \
	  --upgrade --output-file requirements/kernels.lock
	build/lock/venv/bin/uv pip compile requirements/peers.in $(LOCK_OPTIONS) \
	  --constraint requirements/dev.lock --upgrade --output-file requirements/peers.lock
	build/lock/venv/bin/uv pip compile requirements/h2o.in $(LOCK_OPTIONS) \
	  $(addprefix --no-emit-package ,$(NEVER_LOADED)) --upgrade --output-file requirements/h2o.lock
	build/lock/venv/bin/uv pip compile requirements/h2o-0.4.in $(LOCK_OPTIONS) \
	  --no-deps --upgrade --output-file requirements/h2o-0.4.lock
	@rm -rf build/lock

LOCK_OPTIONS := --quiet --universal --generate-hashes --python-version 3.11 \
  --no-emit-find-links --no-emit-index-url --custom-compile-command "make lock"
# Of the published H2O client; one of them could not be installed without building it.
NEVER_LOADED := gcloud google-api-core google-api-python-client google-auth google-auth-httplib2 \
  googleapis-common-protos grpcio httplib2 oauth2client opentelemetry-api proto-plus protobuf \
  pyasn1 pyasn1-modules pyparsing rsa uritemplate

.PHONY: clean
clean: ## remove .venv and everything that was made
	rm -rf .venv build dist demo-output htmlcov .coverage .coverage.* .pytest_cache .mypy_cache \
	  .ruff_cache .hypothesis .import_linter_cache
	find src tests tools benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment. One .venv serves both: requirements/dev.lock holds all of requirements/demo.lock.

.venv/pyvenv.cfg:
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  echo "kernelyard needs Python 3.11 or newer. Install one and name it: make PYTHON=python3.12 …" >&2; \
	  exit 1; \
	fi
	@if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
	  package="$$("$(PYTHON)" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing $$package, which '$(PYTHON) -m venv' needs."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$$package"; \
	  else \
	    echo "'$(PYTHON) -m venv' does not work here. Install its package first: sudo apt-get install $$package" >&2; \
	    exit 1; \
	  fi; \
	fi
	@"$(PYTHON)" -m venv .venv

.venv/.demo-stamp: requirements/demo.lock pyproject.toml | .venv/pyvenv.cfg
	@echo "Installing what the demo needs into .venv (a minute or two, once)."
	@$(PIP) --no-deps -r requirements/demo.lock
	@$(PIP) --no-deps --editable .
	@touch $@

.venv/.stamp: requirements/dev.lock requirements/kernels.lock requirements/h2o.lock \
  requirements/h2o-0.4.lock pyproject.toml | .venv/pyvenv.cfg
	@echo "Installing the development environment into .venv (a minute or two, once)."
	@$(PIP) --no-deps -r requirements/dev.lock
	@$(PIP) --no-deps --editable .
	@$(BIN)/python tools/postgresql_for_tests.py
	@$(BIN)/python -m tools.kernels_for_tests
	@$(BIN)/python -m tools.h2o_for_tests
	@touch .venv/.demo-stamp $@
