# Targets set up .venv when needed.
# The first Python found of 3.11 to 3.13; override with `make PYTHON=/path/to/python3.13 ...`.
SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c '$(SUITS)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
REPORT := benchmarks/report
# The CPU build if there is no NVIDIA GPU; override with `TORCH=...`.
TORCH ?= $(if $(shell command -v nvidia-smi),torch>=2.11,torch==2.13.0)

.PHONY: setup demo test test-oldest lint bench bench-micro figures bench-gpu clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml $(wildcard ingan_fast/layout/native/*)
	@test -n "$(PYTHON)" || { echo "ingan-fast needs Python 3.11 to 3.13, none was found; make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

demo: setup
	$(BIN)/ingan-fast demo --out demo

# Containers often forbid compiled modules to be kept; tests start many processes, each of which would compile them again.
test: setup
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile  # one thread per test

# Tests of the parts that GPU machines run, on the oldest supported torch and Triton, without a GPU. torch 2.11 includes
# CUDA libraries of 5 GB. Not part of CI; run it when one of these parts changes.
OLDEST := .venv-oldest
OLDEST_PYTHON ?= $(shell for p in python3.12 python3; do $$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' \
    2>/dev/null && echo $$p && break; done)
OLDEST_TESTS := $(addprefix tests/,kernels export runtime model training test_bench_gpu.py)

test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(OLDEST)/bin/python -m pytest -n auto --dist loadfile $(OLDEST_TESTS)

$(OLDEST)/.installed: benchmarks/gpu_stack.txt
	@test -n "$(OLDEST_PYTHON)" || { echo "test-oldest needs Python 3.12; make test-oldest OLDEST_PYTHON=/path/to/python3.12"; exit 2; }
	$(OLDEST_PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --requirement benchmarks/gpu_stack.txt
	touch $@

# Simulates the instruction set of most laptops, whose convolutions have other block sizes, precisions and orders of sums.
test-avx2: setup
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 $(BIN)/python -m pytest -n auto --dist loadfile -m "not slow" \
	    $(addprefix tests/model/test_,precision.py step.py tiling.py) tests/quality/test_suitability.py \
	    $(addprefix tests/training/test_,loop.py resuming.py) tests/test_retargeting.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/lint && mkdir -p build/lint && cp -r ingan_fast build/lint/ && cp -r kernels export build/lint/ingan_fast/
	MYPYPATH=build/lint $(BIN)/mypy -p ingan_fast
	if test -x $(BIN)/hadolint; then $(BIN)/hadolint docker/*.Dockerfile; fi  # its package is for x86 Linux alone

# Continues after an interruption, as do the figures. Results are in benchmarks/report; start with index.html.
# If a part fails, the others still run.
bench: setup
	@status=0; for part in "$(BIN)/ingan-fast bench all" "$(BIN)/python benchmarks/figures --budget quick" \
	    "$(BIN)/python benchmarks/report_page"; do \
	  echo "$$part --out $(REPORT)"; $$part --out $(REPORT) || { code=$$?; test $$code -lt 128 || exit $$code; status=1; }; \
	done; exit $$status

# One part at a time, in a minute. MICRO="--benchmark-compare" compares with the last saved run.
bench-micro: setup
	$(BIN)/python -m pytest benchmarks/micro -o python_files=bench_*.py -p no:xdist --benchmark-autosave \
	    --benchmark-storage=$(REPORT)/micro --benchmark-columns=median,iqr,rounds $(MICRO)

# FIGURES="1 8" for some of them.
figures: setup
	$(BIN)/python benchmarks/figures $(FIGURES) --budget full --out $(REPORT)
	$(BIN)/python benchmarks/report_page --out $(REPORT)

# For a machine with a CUDA device, possibly without network: uses a Python that has torch instead of .venv.
GPU_PYTHON ?= python3
bench-gpu:
	$(GPU_PYTHON) benchmarks/bench_gpu.py $(if $(STAGES),--stages $(STAGES))

clean:
	rm -rf $(VENV) $(OLDEST) build dist *.egg-info
