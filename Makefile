# Everything a fresh machine needs is set up on the way: `make demo`, `make test`, `make check`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test check clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.data      ## set up, then play one scored episode on real data
	$(BIN)/mlgym-synth demo

test: $(VENV)/.dev       ## set up, then run all tests
	$(BIN)/pytest $(PYTEST_ARGS)

check: $(VENV)/.dev      ## style, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:                   ## remove the environment and what sandboxes left behind
	-$(BIN)/mlgym-synth sandbox clean
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.data: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[data]'
	touch $@

# torch is pinned so that the tests' environment is the same everywhere.
$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' 'torch==2.13.0'
	touch $@ $(VENV)/.data
