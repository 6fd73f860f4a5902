# The commands of the README. Everything lives in .venv and build/; both may be removed at any time.
PYTHON ?= python3
BIN := .venv/bin
SHELL := bash

# A line for each package that is collected and fetched; those that are there already say nothing.
install = set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check \
	--progress-bar off --constraint constraints.txt --editable $(1) \
	| grep --line-buffered -v "^Requirement already satisfied"

.PHONY: demo test test-all check docs bench clean
.DELETE_ON_ERROR:

demo: .venv/core
	$(BIN)/python -m lfp_tf.cli demo --out build/demo

# A process for each core; a file's tests stay in one, as they share networks.
test: .venv/test
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile -m "not slow" tests lfp_tf

test-all: .venv/test
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile tests lfp_tf

check: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/python -m pytest tests/test_floors.py tests/test_no_execution.py

docs: .venv/docs
	rm -rf build/docs build/pages build/doctrees
	$(BIN)/python docs/site/pages.py build/pages
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --jobs auto \
		--conf-dir docs/site --doctree-dir build/doctrees build/pages build/docs
	@echo build/docs/index.html

bench: .venv/test
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv build dist *.egg-info

# A stamp is written last, so an install that was cut short is done again.
.venv/core: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(call install,.)
	touch $@

.venv/test: .venv/core
	$(call install,'.[test]')
	touch $@

.venv/docs: .venv/core
	$(call install,'.[docs]')
	touch $@
