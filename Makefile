# make serve, make test: see README.md. Needs nothing but python3; PYTHON=, PORT= and others can be chosen.
PYTHON ?= python3
PORT ?= 2121
# Where ftpx is installed to be served, and what it is developed with: there ftpx itself is not installed, so that all
# tools see the sources and nothing but them.
VENV ?= .venv
TOOLS ?= .venv-dev
BIN := $(TOOLS)/bin
PIP := -m pip --quiet --disable-pip-version-check
SOURCES := pyproject.toml setup.py README.md twisted/plugins/ftpx_plugin.py $(shell find ftpx -name '*.py' -o -name py.typed)
# At least so many per cent of the branches of each of these packages have to be reached by the tests of its own, or they
# fail. All other tests are not traced, which would double the time that they take.
COVERED := wire server
COVERAGE := 95
PYTEST := $(BIN)/python -m pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder
export PYTHON PORT

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help serve test contracts crashes quota-rounds differential lint format types docs picture benchmark dist clean

help:
	@echo 'make serve       serve srv/ on 127.0.0.1, port $(PORT)'
	@echo 'make test        run all tests'
	@echo 'make crashes     kill -9 a thousand servers in the middle of uploads'
	@echo 'make contracts   pass the contract of storages with large files and long listings, on every storage'
	@echo 'make quota-rounds  store into one quota by twenty sessions at once, ten thousand times'
	@echo 'make differential  have 20,000 sessions made up, and compare what storages make of them'
	@echo 'make lint        check the style; make format corrects it'
	@echo 'make types       check the types'
	@echo 'make docs        build the documentation into docs/_build/html'
	@echo 'make picture     make docs/terminal.svg from a session with curl and lftp'
	@echo 'make benchmark   compare with other servers'
	@echo 'make dist        build sdist and wheel into dist/'
	@echo 'make clean       remove what was made; srv/ stays'

$(VENV)/.installed: $(SOURCES)
	@.ci/venv $(VENV)
	@echo 'Installing ftpx into $(VENV).'
	@rm -rf build ftpx.egg-info
	@$(VENV)/bin/python $(PIP) install '.[accounts]'
	@rm -rf build ftpx.egg-info
	@touch $@

# The stamp .tools-EXTRA says that all is there that ftpx[EXTRA] needs.
$(TOOLS)/.tools-%: pyproject.toml
	@.ci/venv $(TOOLS)
	@echo 'Installing what ftpx[$*] needs into $(TOOLS).'
	@rm -rf build ftpx.egg-info
	@$(BIN)/python $(PIP) install '.[$*]'
	@$(BIN)/python $(PIP) uninstall --yes ftpx
	@rm -rf build ftpx.egg-info
	@touch $@

serve: $(VENV)/.installed
	@exec .ci/serve $(VENV)/bin

test: $(TOOLS)/.tools-test
	@.ci/clients
	$(PYTEST) $(COVERED:%=tests/%) --cov --cov-report=term
	@for package in $(COVERED); do \
	    $(BIN)/coverage report --include="ftpx/$$package/*" --fail-under=$(COVERAGE) >$(TOOLS)/coverage-report \
	    || { cat $(TOOLS)/coverage-report; exit 1; }; \
	done; rm $(TOOLS)/coverage-report
	$(PYTEST) $(COVERED:%=--ignore=tests/%)

crashes: $(TOOLS)/.tools-test
	CRASH_STEPS=all CRASH_ROUNDS=1000 $(BIN)/python -m pytest tests/integration/test_crashes.py --timeout=1800

contracts: $(TOOLS)/.tools-test
	WHOLE_CONTRACTS=yes $(BIN)/python -m pytest tests --numprocesses=3 --dist=loadfile -k contract

quota-rounds: $(TOOLS)/.tools-test
	QUOTA_ROUNDS=10000 $(BIN)/python -m pytest tests/integration/test_quota_rounds.py -s --timeout=86400

differential: $(TOOLS)/.tools-test
	DIFFERENTIAL_SESSIONS=20000 $(BIN)/python -m pytest tests/testing/test_differential.py --timeout=7200

lint: $(TOOLS)/.tools-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(TOOLS)/.tools-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(TOOLS)/.tools-lint
	$(BIN)/mypy
	$(BIN)/mypy twisted/plugins/ftpx_plugin.py

docs: $(TOOLS)/.tools-docs
	$(BIN)/python -m sphinx -n -W --keep-going -q -b html docs docs/_build/html
	@echo 'Built docs/_build/html/index.html.'

picture: $(TOOLS)/.tools-docs $(VENV)/.installed
	$(BIN)/python docs/record.py

benchmark: $(TOOLS)/.tools-test
	$(BIN)/python -m benchmarks

dist: $(TOOLS)/.tools-lint
	@rm -rf build dist
	$(BIN)/python -m build --outdir dist
	@rm -rf build ftpx.egg-info

clean:
	rm -rf $(VENV) $(TOOLS) .run build dist docs/_build ftpx.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
