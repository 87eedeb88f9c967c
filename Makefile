# make serve   sets up and runs the service with the embedded model
# make test    sets up and passes the tests
# make lint    ruff, mypy, import-linter

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
TORCH ?= torch==2.13.0
BIN := .venv/bin

.PHONY: serve test lint clean

serve: .venv/serve.stamp
	$(BIN)/vitrine serve --host $(HOST) --port $(PORT)

test: .venv/test.stamp
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile \
		--cov --cov-report=term-missing --cov-fail-under=95

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/pyvenv.cfg:
	$(PYTHON) -c 'import sys; sys.exit("Vitrine needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/serve.stamp: pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cpu]'
	touch $@

.venv/test.stamp: pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)' --editable '.[cpu,train,dev,bulk,ray]'
	touch $@ .venv/serve.stamp

clean:
	rm -rf .venv build dist .coverage .mypy_cache .pytest_cache .ruff_cache
