# Two commands on a fresh machine: `make demo` and `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENE ?=
OUT ?= demo

.PHONY: demo test check test-all speed clean

demo: $(VENV)/.core
	$(BIN)/python -m oddspec.command.demo --out "$(OUT)" $(if $(SCENE),--scene "$(SCENE)")

test: check
	$(BIN)/pytest -n 2

# The slow tests too: minutes more.
test-all: check
	$(BIN)/pytest -n 2 -m "slow or not slow"

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

speed: $(VENV)/.dev
	$(BIN)/python -m speed

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "oddspec needs Python 3.11 or newer; say make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# PIP_CONSTRAINT and not -c: it also holds for what builds the package.
$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
