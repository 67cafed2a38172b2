# Two commands on a fresh machine: `make demo` and `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENE ?=
OUT ?= demo
INPUTS ?= 100000
SEED ?= 0

STUDY ?= studies/out
PLANS ?= defaults elsewhere as_published tuned ablations noise parameters ensemble pictures

.PHONY: demo test check test-all speed fuzz study clean

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

# Damaged files of every kind, ten minutes of them: see docs/reliability.md. make fuzz SEED=1 tries others.
fuzz: $(VENV)/.dev
	$(BIN)/python -m fuzz --inputs $(INPUTS) --seconds 600 --seed $(SEED)

# All studies on your copies of the public scenes: hours, but it goes on where it was stopped.
# In pieces of less than an hour: make study DATA=FOLDER PLANS=defaults ONLY="lren seed=0"
study: $(VENV)/.torch
	@test -z "$(ONLY)" || test "$(origin PLANS)" != file || { echo "say PLANS=NAME too: ONLY is a part of one plan"; exit 1; }
	@test -d "$(DATA)" || { echo "say make study DATA=FOLDER, with the folder of the public scenes (docs/scenes.md)"; exit 1; }
	for plan in $(PLANS); do \
		$(BIN)/oddspec study studies/$$plan.toml --data "$(DATA)" --out "$(STUDY)/$$plan" \
			$(if $(ONLY),--only $(ONLY)) || exit 1; \
	done

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "oddspec needs Python 3.11 or newer; say make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# PIP_CONSTRAINT and not -c: it also holds for what builds the package.
$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.torch: pyproject.toml constraints.txt | $(BIN)/python
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[torch]'
	touch $@ $(VENV)/.core

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.core $(VENV)/.torch

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
