# Each target does its own set-up in .venv, once.
PYTHON ?= $(shell command -v python3.12 || command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# The CPU build where there is no NVIDIA GPU; `TORCH=...` asks for another one.
TORCH ?= $(if $(shell command -v nvidia-smi),torch>=2.11,torch==2.13.0)

.PHONY: setup demo test lint bench clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 12) else "ingan-fast needs Python 3.11 or 3.12, this is " + sys.version.split()[0] + "; say which with: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

demo: setup
	$(BIN)/ingan-fast demo --out demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/lint && $(BIN)/python -m pip install --quiet --no-deps --target build/lint .
	MYPYPATH=build/lint $(BIN)/mypy -p ingan_fast

bench: setup
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/retarget.py

clean:
	rm -rf $(VENV) build dist *.egg-info
