# Two commands do everything: `make demo` and `make test`. Nothing but Python >= 3.11, git and make is assumed.
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python3.13; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-slow lint docs checksums clean

setup: $(STAMP)

# PyTorch first and by its exact version, so that a build for this kind of machine is kept if one is offered.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one: make demo PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: setup
	$(BIN)/affectcast demo

test: setup
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

test-slow: setup
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m slow

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

checksums: setup
	$(BIN)/python -m lexicons.checksums

docs: setup
	$(BIN)/python -m flows.docs

clean:
	rm -rf demo
