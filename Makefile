# Every target sets up what it needs. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow fuzz lint types bench bench-data up

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed ## virtual environment with the locked dependencies

.venv/.installed: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11 to 3.13 is needed; name one with make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
	$(BIN)/uv sync --locked --inexact --quiet --python $(BIN)/python
	@touch $@

run: setup ## simulated market into an empty lake, compute, publish, compare with its truth, draw the report
	$(BIN)/dealerflow sample
	$(BIN)/dealerflow run
	@# A lake of your own files has no truth to compare with.
	@if [ -d "$${DEALERFLOW_DATA:-data}/sample/truth" ]; then $(BIN)/dealerflow sample --truth; fi
	$(BIN)/dealerflow report

test: setup lint types ## style, types and the tests that do not take their time
	$(BIN)/pytest -m "not slow"

test-slow: setup ## the other tests: README and cookbook as told, browsers, daemons, kills
	$(BIN)/pytest -m slow

fuzz: setup ## 20,000 spoilt files for every parser; those that break one are kept, made small, in tests/fuzz/corpus
	$(BIN)/python -m tests.fuzz.run

lint: setup ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## static types
	$(BIN)/mypy

bench: setup ## our numerics beside NumPy and their peers, in one run of some minutes; ARGS=--help tells more
	@$(BIN)/uv sync --locked --inexact --quiet --group bench --python $(BIN)/python
	$(BIN)/python -m benchmarks.peers $(ARGS)

bench-data: setup ## how fast trades become inventory, and a day of option updates becomes snapshots
	$(BIN)/python benchmarks/trades_per_second.py
	$(BIN)/python benchmarks/tardis_day.py

up: setup ## Dagster on localhost: its web pages, and its daemon, by which schedules fire
	$(BIN)/dealerflow up
