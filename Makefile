# Everything a developer runs. Needs Python 3.11 or newer with venv, and make; uses uv when it is there.
# The first call of any target installs what is missing; afterwards only a changed lock file installs again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Of the tests: one more than cores, because many wait. Whole files in their order, so that the longest ones come first.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

UV := $(shell command -v uv 2>/dev/null)
ifdef UV
PIP = VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --compile-bytecode
else
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --compile
endif

# Extra arguments: make test ARGS="-n0 -x -k jira"; on PostgreSQL: TEST_DATABASE=postgresql make test
.PHONY: help install demo test check bench chaos screenshots format lock clean

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

install: $(VENV)/.project ## Make .venv with the bot in it, from requirements.lock

demo: $(VENV)/.project ## Play the story against a local Slack and a local Jira
	$(BIN)/bellwether demo $(ARGS)

test: $(VENV)/.dev ## Run the tests
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev ## Lint, formatting, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## Measure what the documentation promises
	$(BIN)/python -m benchmarks --json bench.json $(ARGS)

chaos: $(VENV)/.dev ## Kill it, cut it off, run replicas: the long version
	CHAOS=long CHAOS_FIGURES=chaos-sqlite.json $(BIN)/python -m pytest tests/chaos $(ARGS)
	CHAOS=long CHAOS_FIGURES=chaos-postgresql.json TEST_DATABASE=postgresql \
	  $(BIN)/python -m pytest tests/chaos/test_points.py tests/chaos/test_intake.py $(ARGS)

screenshots: $(VENV)/.dev ## Draw the pictures of the documentation (needs Chromium)
	$(BIN)/python -m tests.page.screenshots $(ARGS)

lock: $(VENV)/.python ## Resolve the dependencies anew (needs uv)
	@uv="$(or $(UV),$(wildcard $(BIN)/uv))"; \
	if [ -z "$$uv" ]; then echo 'make lock needs uv: python3 -m pip install uv' >&2; exit 1; fi; \
	printf 'hatchling\neditables\n' > $(VENV)/build.in; \
	compile="$$uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q"; \
	set -ex; \
	$$compile pyproject.toml $(VENV)/build.in $(ARGS) -o requirements.lock; \
	$$compile --group pyproject.toml:dev -c requirements.lock $(ARGS) -o requirements-dev.lock

clean: ## Remove .venv, caches and the demo's data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .bellwether-demo dist
	find . -name __pycache__ -prune -exec rm -rf {} +

# What is installed, one stamp a step.

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Bellwether needs Python 3.11 or newer, but $(PYTHON) is: $$($(PYTHON) --version 2>&1)" >&2; \
	  echo 'Name another one: make $(or $(MAKECMDGOALS),install) PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo 'This Python has no venv (Debian and Ubuntu: apt-get install python3-venv).' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock $(VENV)/.python
	$(PIP) --require-hashes -r requirements.lock
	@touch $@

# Not built in isolation: the build backend is in requirements.lock too, so nothing comes from outside the lock.
$(VENV)/.project: pyproject.toml $(VENV)/.runtime
	$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.project
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
