# Everything a developer or a newcomer runs. `make` alone explains the targets.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 0:2500
STEPS ?= 20000
KIND ?=
WORKERS ?= 2
MINUTES ?= 10

# The newest interpreter that will do; override with `make PYTHON=/path/to/python demo`.
PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.11 python3 python; do \
	"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$candidate"; break; }; done)

# Choose versions for a lock that stands beside the project; what is there already is kept where it fits.
COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet

# pip, quiet, and as unable to be surprised as it can be: every file has the hash of the lock.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo up test lint types unit sim machines sim-mutants model soak bench lock check-lock clean

help: ## Show this text
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## Four nodes, a shipment, a payment, a power cut; under a minute after the install
	@trap : INT; $(BIN)/tradelane demo || { code=$$?; test $$code -eq 130 || exit $$code; }

up: $(VENV)/.installed ## Start a network of four on this machine and leave it running; Ctrl-C stops it
	@exec $(BIN)/tradelane up --shipment

test: lint types unit ## Lint, types, architecture and all tests

lint: $(VENV)/.developing ## Style, formatting and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.developing ## Check the types, strictly
	$(BIN)/mypy

unit: $(VENV)/.developing ## The tests alone
	$(BIN)/pytest -m "not soak" -n $(WORKERS) --no-loadscope-reorder

sim: $(VENV)/.developing ## Simulate clusters: make sim SEEDS=0:100000, or SEEDS=0:200 KIND=--real
	$(BIN)/python -m tests.sim --seeds $(SEEDS) $(KIND)

machines: $(VENV)/.developing ## The state machines of the contracts, counted: make machines STEPS=20000
	$(BIN)/python -m tests.machines --steps $(STEPS)

sim-mutants: $(VENV)/.developing ## Plant bugs one after another and say which seed finds each
	$(BIN)/python -m tests.sim --mutants

model: $(VENV)/.developing ## Check every state of the model of the view change; needs spin and gcc
	$(BIN)/python -m tests.support.model_checker

soak: $(VENV)/.developing ## The long tests: clusters of real processes, and what happens to them; MINUTES=10
	TRADELANE_SOAK_MINUTES=$(MINUTES) $(BIN)/pytest -m soak -s

bench: $(VENV)/.developing ## Measure; figures go to benchmarks/results.md
	$(BIN)/tradelane bench proofs
	$(BIN)/python benchmarks/state_tree.py

lock: $(VENV)/.developing ## Choose versions anew and lock them with their hashes
	$(COMPILE) --upgrade --output-file requirements.lock
	$(COMPILE) --upgrade --group dev --output-file requirements-dev.lock

check-lock: $(VENV)/.developing ## Say whether the locks still fit pyproject.toml
	@for pair in "requirements.lock" "requirements-dev.lock --group dev"; do \
		set -- $$pair; lock=$$1; shift; \
		cp $$lock $(VENV)/$$lock; \
		$(COMPILE) "$$@" --output-file $(VENV)/$$lock >$(VENV)/$$lock.log || exit 1; \
		cmp -s $$lock $(VENV)/$$lock || { echo "$$lock does not fit pyproject.toml: make lock" >&2; exit 1; }; \
		echo "$$lock fits pyproject.toml"; \
	done

clean: ## Remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "Tradelane needs Python 3.11 or later; install it, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.dependencies: $(VENV)/.created requirements.lock
	@echo "Installing the locked dependencies into $(VENV)"
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.dependencies pyproject.toml
	@echo "Installing Tradelane into $(VENV)"
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements-dev.lock
	@echo "Installing the locked tools for development"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
