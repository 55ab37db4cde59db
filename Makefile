# Hui 汇. `make` alone lists what there is.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(if $(shell $(p) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null | grep True),$(p))) python3)
BIN := .venv/bin
SCALE ?= 1
SERVE ?= 1
PORT ?= 8700
export HUB_HOME ?= var
export DO_NOT_TRACK = 1
# Without compiled modules each `hub` starts seconds later.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev clients demo serve work test lint format bench bench-peers crash-test screenshots locks clean clean-demo distclean

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## The environment: .venv, locked packages, portal assets (again: nothing)
	@$(PYTHON) deploy/setup.py

setup-dev:
	@$(PYTHON) deploy/setup.py --dev

clients: ## The plain Delta Sharing client for a first pull, in .venv-clients
	@$(PYTHON) deploy/setup.py --clients

demo: setup ## A whole hub with eight departments' data, served (SERVE=0: made only; SCALE=n; PORT=8700)
	@$(BIN)/hub demo --scale $(SCALE) $(if $(filter 0,$(SERVE)),--no-serve,--port $(PORT))

serve: setup ## Portal and API on HUB_HOME (PORT=8700)
	@$(BIN)/hub serve --port $(PORT)

work: setup ## Dagster's daemon on HUB_HOME: schedules and sensors
	@$(BIN)/hub work

test: setup-dev ## Every test (ARGS="-k name" for some)
	@$(BIN)/python -m pytest $(ARGS)

lint: setup-dev ## Style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup-dev ## Format and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench-peers: ## datasette and roapi in .venv-peers, for `make bench` (wrk comes from the system)
	@$(PYTHON) deploy/setup.py --dev --peers

bench: setup-dev ## Benchmarks against their baselines: onboard, datasets, rows, peers, pull, stall, readers, beside, pollock, pages
	@$(BIN)/python -m benchmarks

crash-test: setup-dev ## Kill the hub at every named point, at any moment, and a serving worker under load, 50 times each, and compare
	@$(BIN)/python -m tests.crash.rounds --rounds 50
	@$(BIN)/python -m tests.crash.rounds --rounds 50 --moments
	@HUB_TEST_KILLS=50 $(BIN)/python -m pytest tests/api/test_workers.py

screenshots: setup-dev ## Pictures of every page, both languages, desktop and phone (tests/screenshots)
	@$(BIN)/python -m pytest tests/api/portal -m browser

locks: setup-dev ## Lock the dependencies of pyproject.toml anew (deploy/locks)
	@$(BIN)/python deploy/lock.py

clean: ## Remove what was built from sources, and caches; data stays
	rm -rf build transforms/target transforms/logs tests/screenshots .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis

clean-demo: ## Remove the demo's HUB_HOME (only a demo's)
	@test -d "$(HUB_HOME)/demo" && rm -rf "$(HUB_HOME)" || echo "$(HUB_HOME) 不是演示环境，未删除 / not a demo's home, left alone"

distclean: clean ## Remove the environment too: .venv, node_modules
	rm -rf .venv .venv-clients node_modules api/portal/static/vendor
