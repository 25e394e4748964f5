# Each target does its own set-up; nothing is taken from what else is installed but Python, Node and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FORGE := cd contracts && nice ./foundry forge
TOOLS := build/tools
# The newest release whose modules the module proxy serves in full.
GETH := github.com/ethereum/go-ethereum/cmd/geth@v1.17.8
# The newest release that builds from published modules alone: 0.43.1 replaces one of them with a fork.
KUBO := github.com/ipfs/kubo/cmd/ipfs
AGE := filippo.io/age/cmd

.PHONY: demo test test-nodes check bench contracts-nightly nightly tools tools-oldest lock clean

demo: setup
	$(BIN)/consent demo $(if $(BUNDLE),--bundle "$(BUNDLE)") $(if $(JSON),--json)

# A suite for each directory of tests, the long ones first, so that `make -j2 test` keeps two cores busy. How deep forge
# looks is its profile: FOUNDRY_PROFILE=ci make test.
FIRST := cli contracts client chain faults
SUITES := $(FIRST) $(filter-out $(FIRST) nodes,$(patsubst tests/%/,%,$(sort $(dir $(wildcard tests/*/test_*.py)))))

test: test-forge $(SUITES:%=test-%)

.PHONY: test-forge $(SUITES:%=test-%)
test-forge: setup analysis
	$(FORGE) test

test-contracts: analysis test-forge
$(SUITES:%=test-%): test-%: setup
	$(BIN)/pytest tests/$*

# Where there are tests that need them.
NODES = $(sort tests/nodes/ $(dir $(shell grep -lE 'Databases|mark\.nodes' -r tests/*/ --include=*.py)))

# Against other nodes than anvil: they must be there (make tools; PostgreSQL from its package, or the folder of its initdb
# in CONSENT_POSTGRES), and a missing one fails.
test-nodes: setup
	$(BIN)/pytest -m nodes $(NODES)

# All that a clean checkout must pass. Each target's output appears when it is done: make -j2 -O -k ci.
.PHONY: ci test-nodes-built
ci: test-forge test-nodes-built check test
test-nodes-built: setup tools
	$(BIN)/pytest -m nodes $(NODES)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(FORGE) fmt --check src test symbolic
	$(BIN)/python -m contracts.build --check

bench: setup $(TOOLS)/age
	$(BIN)/python -m tests.bench $(if $(ONLY),--only "$(ONLY)")

# The long form of what is random: an hour or more.
contracts-nightly: setup analysis
	cd contracts && FOUNDRY_PROFILE=nightly ./foundry forge test
	CONSENT_REFERENCE_SEQUENCES=10000 CONSENT_MUTANTS=all $(BIN)/pytest --timeout 7200 tests/contracts

nightly: contracts-nightly tools-oldest
	CONSENT_KUBO="$(CURDIR)/$(TOOLS)/oldest/ipfs" $(BIN)/pytest -m nodes tests/nodes/test_kubo.py tests/nodes/test_ipfs_command.py tests/behaviours
	CONSENT_EPOCH_HISTORIES=100 $(BIN)/pytest --timeout 7200 tests/client/test_epochs.py
	CONSENT_LARGE_FILE_MIB=4096 $(BIN)/pytest --timeout 7200 tests/cli/test_large.py
	CONSENT_KILLS=20 $(BIN)/pytest --timeout 7200 -m "nodes or not nodes" tests/log/test_kill.py tests/nodes/test_several_gateways.py
	CONSENT_KILLS=20 $(BIN)/pytest --timeout 7200 -m nodes tests/faults/test_crash.py
	CONSENT_KILLS=100 $(BIN)/pytest --timeout 7200 tests/faults/test_crash.py
	CONSENT_RACES=20 $(BIN)/pytest --timeout 7200 -m "nodes or not nodes" tests/api/test_race.py tests/nodes/test_several_gateways.py
	$(BIN)/pytest --timeout 7200 -m nightly
	CONSENT_API_FLOOD=1000 $(BIN)/pytest --timeout 7200 tests/api/test_exhaustion.py
	CONSENT_API_EXAMPLES=200 $(BIN)/pytest --timeout 7200 tests/api/test_properties.py
	CONSENT_RELAYER_KILLS=40 $(BIN)/pytest --timeout 7200 tests/chain/test_relayer_kills.py
	CONSENT_FAULT_VARIATIONS=200 CONSENT_FAULT_OPERATIONS=1000 CONSENT_FAULT_REORGS=500 CONSENT_FAULT_PATIENTS=48 CONSENT_FAULT_PAIRS=all $(BIN)/pytest --timeout 7200 tests/faults
	CONSENT_DICTIONARY=1000000 $(BIN)/pytest --timeout 7200 tests/privacy
	CONSENT_AGREEMENT_CASES=500000 $(BIN)/pytest --timeout 7200 tests/policy/test_agreement.py

# The nodes that test-nodes needs, built from source (needs Go). Kubo and age are built from modules of their own, which
# pin all of them with hashes.
tools:
	@command -v go > /dev/null || { echo "Go is needed to build geth and Kubo" >&2; exit 1; }
	GOBIN="$(CURDIR)/$(TOOLS)" nice go install $(GETH)
	cd tests/nodes/kubo && nice go build -mod=readonly -o "$(CURDIR)/$(TOOLS)/ipfs" $(KUBO)

# What make bench compares with.
$(TOOLS)/age:
	@command -v go > /dev/null || { echo "Go is needed to build age" >&2; exit 1; }
	cd tests/bench/age && go build -mod=readonly -o "$(CURDIR)/$(TOOLS)/" $(AGE)/age $(AGE)/age-keygen

# The oldest Kubo that is supported.
tools-oldest:
	cd tests/nodes/kubo-oldest && go build -mod=readonly -o "$(CURDIR)/$(TOOLS)/oldest/ipfs" $(KUBO)

.PHONY: setup analysis
setup: $(VENV)/.ready contracts/node_modules/.ready
analysis: contracts/.analysis/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Halmos and Slither need another web3 than the project, so they have an environment of their own.
contracts/.analysis/.ready: contracts/analysis.lock
	$(PYTHON) -m venv contracts/.analysis
	contracts/.analysis/bin/pip install --quiet --require-hashes --requirement contracts/analysis.lock
	touch $@

# Not `npm ci`: it refuses a lock without the binaries of platforms that a registry does not carry. The versions
# and hashes of the lock hold here too, and it is not rewritten.
contracts/node_modules/.ready: contracts/package-lock.json
	node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? (console.error("Node 20 or newer is needed"), 1) : 0)'
	cd contracts && npm install --no-save --no-audit --no-fund --loglevel=error
	touch $@

# Rewrites the locks from pyproject.toml and contracts/analysis.in (needs uv). Hashes, every platform, no addresses.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --all-extras pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header contracts/analysis.in --output-file contracts/analysis.lock

clean:
	rm -rf $(VENV) build contracts/.analysis contracts/node_modules contracts/out contracts/cache tests/bench/eas/node_modules
