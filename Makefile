# Every target makes .venv first where it needs it; `make` alone lists them.
SHELL := bash
PYTHON ?= python3
BENCH := .venv/bin/python -m bench
PYTEST := OMP_NUM_THREADS=1 .venv/bin/python -m pytest -q -n 2 --dist worksteal
REPORT := results/report
SMOKE := build/smoke/results
SITE := build/docs

.PHONY: help bench bench-all toy test test-quick check smoke docs clean

help:
	@echo "make bench      six methods on maze2d-umaze (quick preset, 3 seeds), their cost, then the report"
	@echo "make bench-all  the same on all of maze2d: umaze, medium and large"
	@echo "make toy        six methods on the six toy densities, then the report"
	@echo "make test       the whole test suite, on two cores"
	@echo "make test-quick the tests that are neither slow nor need the network"
	@echo "make check      ruff and pyright"
	@echo "make smoke      a small run of the main job in $(SMOKE); fails if the report lacks a cell"
	@echo "make docs       the documentation as a web site in $(SITE); a broken link fails"
	@echo "make .venv      only the environment: the packages of requirements.lock and the project"
	@echo "make clean      removes .venv and what was built; results/ and artifacts/ stay"
	@echo "PYTHON=python3.12 names another Python to make .venv with."

bench: .venv
	$(BENCH) run --suite maze2d --tasks maze2d-umaze --preset quick
	$(BENCH) time --suite maze2d --tasks maze2d-umaze --preset quick --batches 1,20 --calls 20
	$(BENCH) report --print
	@echo "The report lies in $(REPORT)"

bench-all: .venv
	$(BENCH) run --suite maze2d --preset quick
	$(BENCH) time --suite maze2d --tasks maze2d-umaze --preset quick --batches 1,20 --calls 20
	$(BENCH) report --print
	@echo "The report lies in $(REPORT)"

toy: .venv
	$(BENCH) run --suite toy --preset quick --seeds 1
	$(BENCH) report --print
	@echo "The report lies in $(REPORT)"

# One thread in each of two processes: the tests are many small computations, which a second thread only slows.
test: .venv
	$(PYTEST)

test-quick: .venv
	$(PYTEST) -m 'not slow and not network'

check: .venv
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/pyright

# `report` refuses a plan with a missing cell, so its exit status is the answer.
smoke: .venv
	rm -rf build/smoke
	$(BENCH) run --suite maze2d --methods swg,cep --preset smoke --results $(SMOKE)
	$(BENCH) report --results $(SMOKE)

# Not --quiet: it would also keep --strict from seeing warnings. The variable drops a notice about MkDocs 2.
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --clean --site-dir $(SITE)
	@echo "Open $(SITE)/index.html; search works with python -m http.server --directory $(SITE)"

# MkDocs is installed beside what is there, whose versions stay those of requirements.lock.
.venv/.docs: .venv/.complete
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-build-isolation \
		--constraint requirements.lock --editable '.[docs]'
	@touch $@

.venv: .venv/.complete

# The stamp is written last: an installation that was cut short is done again.
.venv/.complete: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing):" \
			"name another one, as in make PYTHON=python3.12 .venv" >&2; exit 1; }
	@echo "Making .venv with the packages of requirements.lock: about 2 GB, one to three minutes"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r requirements.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache
	find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
