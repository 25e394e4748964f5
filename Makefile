# Each target does its own set-up; nothing is taken from what else is installed but Python, Node and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FORGE := cd contracts && ./foundry forge

.PHONY: demo test check bench lock clean

demo: setup
	$(BIN)/consent demo $(if $(BUNDLE),--bundle "$(BUNDLE)") $(if $(JSON),--json)

test: setup
	$(FORGE) test
	$(BIN)/pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(FORGE) fmt --check
	$(BIN)/python -m contracts.build --check

bench: setup
	$(BIN)/python -m tests.bench $(if $(ONLY),--only "$(ONLY)")

.PHONY: setup
setup: $(VENV)/.ready contracts/node_modules/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Not `npm ci`: it refuses a lock without the binaries of platforms that a registry does not carry. The versions
# and hashes of the lock hold here too, and it is not rewritten.
contracts/node_modules/.ready: contracts/package-lock.json
	node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? (console.error("Node 20 or newer is needed"), 1) : 0)'
	cd contracts && npm install --no-save --no-audit --no-fund --loglevel=error
	touch $@

# Rewrites requirements.lock from pyproject.toml (needs uv). Hashes, every platform, no addresses.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --all-extras pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) build contracts/node_modules contracts/out contracts/cache
