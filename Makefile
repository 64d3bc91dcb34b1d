# Everything a machine with only Python and make needs to run, show and test ingestd.
#   make demo    a throw-away school, end to end (KEEP=1 leaves it running)
#   make test    every check and every test
#   make check   linters, types and the architecture's laws alone
#   make mutants every small change to the rooms that decide, and how many no test notices:
#                some hours on two idle cores, three at most (MUTANTS=ingestd.formats.judging.amounts
#                does one module)
#   make chaos   what is random, many times as long: CHAOS=20 times; it prints the SEED that repeats it
#   make bench   the benchmarks, about forty minutes (BENCH=sftp_upload runs one of them)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# More than there are cores: a test that runs a daemon waits half of its time.
TEST_PROCESSES ?= $(shell echo $$(($$(nproc 2>/dev/null || echo 2) + 2)))
CHAOS ?= 20
SEED := $(if $(SEED),$(SEED),$(shell od -An -N3 -tu4 /dev/urandom | tr -d " "))
MUTANT_PROCESSES ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: help demo test check mutants chaos bench format lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ingestd needs Python 3.11 or newer; name it: make PYTHON=python3.11 …"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)
	$(BIN)/ingestd demo $(if $(KEEP),--keep)

test: check
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal

check: $(READY)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

mutants: $(READY)
	$(BIN)/python -m tests.mutants --processes $(MUTANT_PROCESSES) $(MUTANTS)

chaos: $(READY)
	@echo "make chaos CHAOS=$(CHAOS) SEED=$(SEED)"
	INGESTD_CHAOS=$(CHAOS) INGESTD_SEED=$(SEED) $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal -m chaos --hypothesis-seed=$(SEED)

bench: $(READY)
	$(BIN)/python -m bench $(BENCH)

format: $(READY)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

# The lock names no index: pip takes the packages from wherever it is set up to, and their
# hashes decide whether they are the right ones.
lock:
	$(PYTHON) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --output-file requirements/runtime.txt
	$(PYTHON) -m uv pip compile pyproject.toml --extra pdf --quiet --universal --python-version 3.11 --generate-hashes --no-header --output-file requirements/pdf.txt
	$(PYTHON) -m uv pip compile pyproject.toml --extra s3 --quiet --universal --python-version 3.11 --generate-hashes --no-header --output-file requirements/s3.txt
	$(PYTHON) -m uv pip compile pyproject.toml --extra dev --extra pdf --extra s3 --quiet --universal --python-version 3.11 --generate-hashes --no-header --output-file requirements/dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis mutants
