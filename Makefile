# The two commands that a newcomer needs: `make demo` and `make test`. Both install what they need into .venv.
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= python3
STAMP  := $(VENV)/.installed
SOURCES := $(shell find native -type f 2>/dev/null) CMakeLists.txt pyproject.toml

.PHONY: install demo test slow check format layers lint types gold bench findings tune-kernels audit sanitize arm clean

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
	$(BIN)/python -m benchmarks.networks

# Every hunch for real, on the digits and on MNIST (skipped where there is no such file): docs/what-holds.md and its short form
# in the README. Hours; `make findings QUICK=1` takes minutes. Study files lie in findings/, and the same command goes on.
MNIST ?= ../shared/data/mnist20k.npz
findings: install
	$(BIN)/python -m benchmarks.findings --mnist $(MNIST) $(if $(QUICK),--quick)

# Which way a fleet's convolutions go, measured anew on this machine; it changes bits (src/hunch/engine/conv_table.json).
tune-kernels: install
	$(BIN)/python -m benchmarks.tune_kernels

# A thousand studies of two identical arms, for real: at most 67 may tell them apart. A quarter of an hour of one core.
audit: install
	$(BIN)/python -m benchmarks.audit_1000

# The engine's tests with AddressSanitizer and UndefinedBehaviorSanitizer in the extension.
SANITIZED := build/sanitize
sanitize: install
	$(BIN)/python -m pip install --quiet nanobind
	cmake -S . -B $(SANITIZED) -DHUNCH_SANITIZE=ON -DCMAKE_BUILD_TYPE=None -DPython_EXECUTABLE=$(abspath $(BIN)/python) \
	    -Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir)
	cmake --build $(SANITIZED) --parallel 2
	HUNCH_EXTENSION=$$(ls $(abspath $(SANITIZED))/_native*.so) LD_PRELOAD="$$(c++ -print-file-name=libasan.so) $$(c++ -print-file-name=libstdc++.so)" \
	    ASAN_OPTIONS=detect_leaks=0 $(BIN)/python -m pytest --quiet -n 2 -m 'slow or not slow' \
	    $(wildcard tests/engine/test_native_*.py) tests/engine/test_streams.py tests/engine/test_stopping.py

# The portable kernels on an emulated ARM64 against this processor; needs g++-aarch64-linux-gnu and qemu-user.
ARM_FLAGS := -std=gnu++17 -O2 -ffp-contract=fast -fno-math-errno -Inative native/kernels.cpp tests/native/row.cpp
arm:
	mkdir -p build/arm
	aarch64-linux-gnu-g++ -static -DHUNCH_LEVEL=0 $(ARM_FLAGS) -o build/arm/arm64
	c++ -DHUNCH_LEVEL=2 -march=x86-64-v2 $(ARM_FLAGS) -o build/arm/x86
	qemu-aarch64 build/arm/arm64 > build/arm/arm64.txt
	build/arm/x86 > build/arm/x86.txt
	$(PYTHON) tests/native/compare.py build/arm/arm64.txt build/arm/x86.txt 1e-10
	qemu-aarch64 build/arm/arm64 single > build/arm/arm64.txt
	build/arm/x86 single > build/arm/x86.txt
	$(PYTHON) tests/native/compare.py build/arm/arm64.txt build/arm/x86.txt 1e-3

clean:
	rm -rf $(VENV) build dist
