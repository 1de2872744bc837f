# Everything works alone on a machine with python >= 3.11 and make. Tools live in .venv; nothing else is touched.

.DEFAULT_GOAL := help
.PHONY: help demo test test-all conformance check bench bench-services soak stream format clean servers

# The first python that runs (shims may exist and fail), is new enough, and can make an environment.
SUITABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 /usr/bin/python3; do \
	"$$p" -c '$(SUITABLE)' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
TESTS ?=
# Two files at a time: servers and fsyncs leave the cores idle half of the time. JOBS=0 runs them one after another.
JOBS ?= 2
PARALLEL := -n $(JOBS) --dist loadfile
PYTEST := $(BIN)/python -m pytest $(PARALLEL)

help:
	@echo 'make demo [URL=...]  a booking that survives kill -9 (one file; with URL on RabbitMQ and Redis)'
	@echo 'make test [TESTS=..] every test but the slow ones   make test-all  the slow ones too'
	@echo 'make conformance     what must hold, test by test, on one file and on servers'
	@echo 'make check           format, lint, types, layers    make format    format and fix'
	@echo 'make bench           measure                        make clean     forget .venv and caches'
	@echo 'make bench-services  measure tasks beside Celery    make soak      kill the workers of 20 000 tasks'
	@echo 'make stream          50 000 shuffled events from another application, on one file and on servers'

demo: .venv/runtime
	@$(BIN)/python -m examples.booking.demo $(if $(URL),--url '$(URL)')

test: .venv/dev servers
	@$(PYTEST) -m 'not slow' $(TESTS)

test-all: .venv/dev servers
	@$(PYTEST) $(TESTS)

conformance: .venv/dev servers
	@$(BIN)/python -m tests.conformance.table $(PARALLEL)

check: .venv/dev
	@$(BIN)/ruff format --check --quiet . || { echo 'Not formatted: run `make format`.'; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/pyright
	@$(BIN)/lint-imports

bench: .venv/dev servers
	@$(BIN)/python -m tests.bench

# Celery and dramatiq live in an environment of their own: nothing here needs them.
bench-services: .venv/dev servers .venv-rivals/made
	@$(BIN)/python -m tests.rivals --python .venv-rivals/bin/python

.venv-rivals/made: .venv/dev
	@echo 'Installing Celery and dramatiq into .venv-rivals ...'
	@$(BIN)/python -m venv --clear .venv-rivals
	@.venv-rivals/bin/python -m pip --quiet --disable-pip-version-check install 'celery>=5.4,<6' 'dramatiq[rabbitmq]>=1.17' \
		'redis>=5'
	@touch $@

soak: .venv/dev servers
	@$(BIN)/python -m tests.soak

stream: .venv/dev servers
	@$(BIN)/python -m tests.stream

format: .venv/dev
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

servers: .venv/dev
	@$(BIN)/python -m tests.servers

clean:
	@rm -rf .venv .venv-rivals .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'No python >= 3.11 with venv and ensurepip found (Debian: apt-get install python3-venv);' \
		'name one with PYTHON=/path/to/python.' >&2; exit 1; }
	@echo 'Making .venv with $(PYTHON) ...'
	@"$(PYTHON)" -m venv --clear .venv

.venv/runtime: pyproject.toml | $(BIN)/python
	@echo 'Installing leveret into .venv ...'
	@$(PIP) install --editable '.[cli]'
	@touch $@

.venv/dev: pyproject.toml | $(BIN)/python
	@echo 'Installing leveret and its development tools into .venv ...'
	@$(PIP) install --editable '.[dev]'
	@touch .venv/runtime $@
