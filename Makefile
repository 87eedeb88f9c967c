# make serve   sets up and runs the service with the embedded model
# make test    sets up and passes the tests
# make lint    ruff, mypy, import-linter
# make dist    builds sdist, wheel and checksums into dist/
# make audit   asks for known vulnerabilities of all that is installed for the tests

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
TORCH ?= torch==2.13.0
BIN := .venv/bin
# One test process more than CPUs: a third of their time, each waits for servers and browsers.
PROCESSES := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# Servers start anew hundreds of times in the tests, and would compile everything each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test lint dist audit clean

serve: .venv/serve.stamp
	$(BIN)/vitrine serve --host $(HOST) --port $(PORT)

test: .venv/test.stamp
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
		--cov --cov-report=term-missing --cov-fail-under=95

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

dist: .venv/test.stamp
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation
	cd dist && sha256sum *.tar.gz *.whl > SHA256SUMS

# Strict: without it, what could not be asked about counts as not vulnerable.
audit: .venv/test.stamp .venv/audit.stamp
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > .venv/installed.txt
	.venv/audit/bin/pip-audit --strict --disable-pip --no-deps --requirement .venv/installed.txt

.venv/audit.stamp: | .venv/pyvenv.cfg
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	touch $@

.venv/pyvenv.cfg:
	$(PYTHON) -c 'import sys; sys.exit("Vitrine needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/serve.stamp: pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cpu]'
	touch $@

# Most of what this installs is never imported: what is gets compiled then.
.venv/test.stamp: pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check '$(TORCH)' --editable '.[cpu,train,dev,bulk,ray]'
	touch $@ .venv/serve.stamp

clean:
	rm -rf .venv build dist .coverage .mypy_cache .pytest_cache .ruff_cache
