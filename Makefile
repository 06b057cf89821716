# The two commands that a newcomer needs: `make demo` and `make test`. Both install what they need into .venv.
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= python3
STAMP  := $(VENV)/.installed
SOURCES := $(shell find native -type f 2>/dev/null) CMakeLists.txt pyproject.toml

.PHONY: install demo test slow check format layers lint types gold bench clean

install: $(STAMP)

# torch first and by version: a plain `torch` would pull several GB of CUDA packages on Linux.
$(STAMP): $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[test,check]'
	touch $(STAMP)

demo: install
	$(BIN)/hunch test bn-fewer-iterations

test: install
	$(BIN)/python -m pytest -n 2 --quiet

slow: install
	$(BIN)/python -m pytest -m slow --quiet

check: install lint types layers

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	$(BIN)/pyright

layers:
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Accept the present output as the gold files; read the diff before you commit it.
gold: install
	HUNCH_GOLD=accept $(BIN)/python -m pytest --quiet tests -k gold

# One table of what a training step costs, here and elsewhere; about a quarter of an hour on a quiet machine.
bench: install
	$(BIN)/python -c 'import jax' 2>/dev/null || $(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist
