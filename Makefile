.DEFAULT_GOAL := help
VENV ?= .venv
PYTHON ?= python3
PORT ?= 8501
BIN := $(VENV)/bin

JOBS ?= 3

.PHONY: help app test test-fast lint format bench bench-quick clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/.app: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	@touch $@

app: $(VENV)/.app ## Install what is missing and open the app (PORT=8501)
	$(BIN)/python -m cellapp serve --port $(PORT)

test: $(VENV)/.dev ## Install what is missing and run every test (JOBS=3 processes, as some only wait)
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.dev ## The tests that are quick and need neither a browser nor PostgreSQL
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not slow and not browser and not postgres"

bench: $(VENV)/.dev ## Measure the speed of the parts and of a first result; a few minutes
	for part in cells embed hirescam slide_windows pages first_result; do $(BIN)/python -m benchmarks.$$part || exit 1; done

bench-quick: $(VENV)/.dev ## Measure ratios of the fast parts, and fail when one is worse by half; under three minutes
	$(BIN)/python -m benchmarks.quick

lint: $(VENV)/.dev ## Check style and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev ## Rewrite to the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
