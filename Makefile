# Everything runs in a virtual environment, `.venv`, made on first use from lock files with hashes.
# Needs: Python 3.11 or newer with venv and pip, and make. `make help` lists what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Options for the command that a target runs: make serve ARGS="--https-port 0", make test ARGS="tests/kms -x".
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.made
WORKERS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV_PIP_COMPILE := .venv-lock/bin/uv pip compile --quiet --system-certs --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: $(STAMPS)/server ## Run the server (ARGS="--https-port 0" adds options)
	@exec $(BIN)/strongroom serve $(ARGS)

.PHONY: tour
tour: $(STAMPS)/server ## Walk through what it does and refuses, on a throw-away server (ARGS="--rows M7,M10")
	@exec $(BIN)/strongroom tour $(ARGS)

.PHONY: test
test: $(STAMPS)/develop ## Run the whole test suite (ARGS="tests/server -x" chooses)
	@$(BIN)/python -m pytest -n $(WORKERS) -q $(ARGS)

.PHONY: check
check: $(STAMPS)/develop ## Run ruff, mypy, the import rules and the documents' tests
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(STAMPS)/imports.log || { cat $(STAMPS)/imports.log; exit 1; }
	@$(BIN)/python -m pytest -q tests/documents
	@echo "checked: ruff, mypy, import rules, documents"

.PHONY: bench
bench: $(STAMPS)/develop $(STAMPS)/bench ## Measure side by side with other servers (takes minutes)
	@$(BIN)/python -m benchmarks $(ARGS)
	@$(BIN)/python -m benchmarks.objects --large
	@$(BIN)/python -m benchmarks.secrets
	@$(BIN)/python -m benchmarks.envelope
	@$(BIN)/python -m benchmarks.log_events
	@$(BIN)/python -m benchmarks.functions
	@$(BIN)/python -m benchmarks.builds
	@$(BIN)/python -m benchmarks.messages

.PHONY: docs
docs: $(STAMPS)/develop ## Build the handbook into build/handbook
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build
	@echo "built: build/handbook/index.html (with search: python3 -m http.server --directory build/handbook)"

.PHONY: wheel
wheel: $(STAMPS)/develop ## Build the wheel into dist
	@$(BIN)/python -m hatchling build --target wheel

.PHONY: lock
lock: .venv-lock/bin/uv ## Resolve the dependencies anew into requirements/*.txt (UPGRADE=--upgrade for the newest)
	@$(UV_PIP_COMPILE) $(UPGRADE) --extra server pyproject.toml requirements/build.in -o requirements/server.txt
	@$(UV_PIP_COMPILE) $(UPGRADE) --extra server --extra hsm --extra object-stores --extra test --extra check --extra docs \
		-c requirements/server.txt \
		pyproject.toml requirements/build.in -o requirements/develop.txt
	@$(UV_PIP_COMPILE) $(UPGRADE) requirements/bench.in -o requirements/bench.txt

.PHONY: clean
clean: ## Remove the environments and all caches (data is elsewhere, and stays)
	@rm -rf $(VENV) .venv-bench .venv-lock build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/server: requirements/server.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the server needs into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/server.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/develop: requirements/develop.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the tests and checks need into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/develop.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@mkdir -p $(STAMPS) && touch $@

# The servers that we measure against have dependencies of their own, hence an environment of their own.
$(STAMPS)/bench: requirements/bench.txt | $(BIN)/python
	@echo "Installing the servers to compare with into .venv-bench ..."
	@$(BIN)/python -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/bench.txt
	@mkdir -p $(STAMPS) && touch $@

.venv-lock/bin/uv: | $(BIN)/python
	@$(BIN)/python -m venv .venv-lock
	@.venv-lock/bin/python -m pip --disable-pip-version-check --quiet install uv

# The newest Python from 3.11 on, or whichever PYTHON names. A half-made environment is removed, so that the next try
# starts afresh.
$(BIN)/python:
	@set -e; \
	for candidate in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found="$$candidate"; \
			if "$$candidate" -c 'import venv, ensurepip' 2>/dev/null; then chosen="$$candidate"; break; fi; \
		fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "Strongroom needs Python 3.11 or newer, and found none." >&2; exit 1; \
	fi; \
	if [ -z "$${chosen:-}" ]; then \
		echo "$$found cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$chosen ..."; \
	"$$chosen" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
