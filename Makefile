# The portal's commands. Start with `make demo`.
#
# Each works from an empty clone, with nothing but make, a Python >= 3.12 and the package registry: no system package, no
# service. What a command needs is installed into .venv the first time, and checked in a moment from then on.
#
#     tier     takes           needs besides Python                          runs in CI
#     check    20 seconds      nothing                                       yes
#     test     25 minutes      Chromium (found, or fetched by Playwright)    yes
#     bench    40 minutes      nothing                                       no
#     chaos    an hour         nothing                                       no
#
# Variables: PORT (demo, default 8000) · KEEP=1 (demo: go on with the data of last time) · PYTHON (which one to use)
#            T="…" (test-one: what to hand to pytest)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo check lint test test-sqlite test-postgresql test-browser test-one bench chaos outsiders fmt lock clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# Linters and Django's checks look at the portal as the tests configure it, never as the developer's shell does.
MANAGE := DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -W ignore::UserWarning manage.py
SAY := @printf '\033[1m· %s\033[0m\n'

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

# --- use it ----------------------------------------------------------------------------------------------------------

demo: $(VENV)/.runtime ## Run the portal here, with a sandbox contact centre and one account for each role
	@exec $(BIN)/python -m gdpr_portal.demo

# --- prove it --------------------------------------------------------------------------------------------------------

check: lint ## Format, lint, types, imports, migrations, documentation: all that is seconds
	$(SAY) "architecture and documentation"
	@$(BIN)/python -m pytest tests/architecture tests/docs

lint: $(VENV)/.dev
	$(SAY) "format and lint"
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@if [ -d templates ]; then $(BIN)/djlint templates --lint --quiet; fi
	$(SAY) "imports"
	@$(BIN)/lint-imports --no-logo
	$(SAY) "types"
	@$(BIN)/mypy
	$(SAY) "migrations and settings"
	@$(MANAGE) makemigrations --check --dry-run
	@$(MANAGE) check --fail-level WARNING

test: $(VENV)/.dev ## Run all tests: on SQLite, on PostgreSQL, in Chromium
	@$(BIN)/python -m tests.run sqlite postgresql browser

test-sqlite test-postgresql test-browser: $(VENV)/.dev
	@$(BIN)/python -m tests.run $(@:test-%=%)

test-one: $(VENV)/.dev ## Run some tests on SQLite: make test-one T="tests/flow -k approval"
	@$(BIN)/python -m pytest $(T)

bench: $(VENV)/.dev ## Measure this machine: ledger and engine beside their bounds, figures into benchmarks/results
	@$(BIN)/python -m benchmarks.ledger
	@$(BIN)/python -m benchmarks.planning
	@$(BIN)/python -m benchmarks.engine
	@$(BIN)/python -m benchmarks.scale

chaos: $(VENV)/.dev ## Kill the portal a thousand times while it works, and write down what is left of it
	@$(BIN)/python -m pytest -m long tests/chaos
	@$(BIN)/python -m tests.postgres $(BIN)/python -m pytest -m long tests/chaos
	@$(BIN)/python -m tests.chaos.campaign --kills 1000 --items 10000 --output benchmarks/results/chaos.md

outsiders: .outsiders/.done ## Install verifiers of others, for the tests that ask strangers

# --- keep it ---------------------------------------------------------------------------------------------------------

fmt: $(VENV)/.dev ## Format the code and sort its imports
	@$(BIN)/ruff check --quiet --fix-only --select I . && $(BIN)/ruff format .

lock: ## Pin the newest versions that pyproject.toml allows (needs uv)
	uv pip compile --generate-hashes --universal --python-version 3.12 --upgrade --quiet \
		pyproject.toml -o requirements.txt
	uv pip compile --generate-hashes --universal --python-version 3.12 --upgrade --quiet \
		-c requirements.txt pyproject.toml --group dev -o requirements-dev.txt
	uv pip compile --generate-hashes --universal --python-version 3.12 --upgrade --quiet \
		.ci/outsiders.in -o .ci/outsiders.txt

clean: ## Remove what was installed and what was made here, the demo's data too
	rm -rf $(VENV) .outsiders var test-results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the virtual environment -----------------------------------------------------------------------------------------
# A stamp is as new as the list that was installed. The longer list holds the shorter one, version for version.

$(BIN)/python:
	@python=$$(sh .ci/find-python) && printf '\033[1m· a virtual environment in $(VENV), from %s\033[0m\n' "$$python" \
		&& "$$python" .ci/make-venv.py $(VENV)

$(VENV)/.runtime: requirements.txt | $(BIN)/python
	$(SAY) "installing what the portal needs (once; about a minute)"
	@$(PIP) -r requirements.txt && touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(BIN)/python
	$(SAY) "installing what the tests need (once; a minute or two)"
	@$(PIP) -r requirements-dev.txt && touch $(VENV)/.runtime $@

# Strangers to the portal get an environment that knows nothing of it.
.outsiders/.done: .ci/outsiders.txt
	@python=$$(sh .ci/find-python) && "$$python" .ci/make-venv.py .outsiders
	@.outsiders/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/outsiders.txt
	@touch $@
