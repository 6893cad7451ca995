# Every target builds .venv on first use; all it needs is Python 3.11 or newer (PYTHON=python3.12 picks another one).
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: install demo test fmt lint type bench api

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("cmmd needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable ".[dev]" --constraint constraints.txt
	@touch $@

demo: install  ## a clip gets sound, a sound gets a clip, with pictures
	$(BIN)/python examples/demo.py

test: install
	$(BIN)/python -m pytest -n 2 tests

fmt: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: install
	$(BIN)/pyright

api: install  ## the API page from the docstrings, in build/api
	$(BIN)/python -m mkdocs build --strict --quiet --config-file docs/api/mkdocs.yml

bench: install  ## seconds a denoising step and a clip, split into parts
	$(BIN)/python benchmarks/speed.py
