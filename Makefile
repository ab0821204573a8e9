# make run    everything, from a fresh clone to the URL     make test   what must hold, in minutes
# make help   all targets
#
# Needs make and Python 3.11 or newer with its venv module. The environment is .venv, data is in
# .data (PLAYGROUND_DATA_DIR); README lists the settings. PYTHON=python3.13 chooses another Python.

SHELL = /bin/sh
.DEFAULT_GOAL = help
.PHONY: help run test test-all nightly demo bench chaos check lint lock front-end toolchains clean \
	ready-to-run ready-to-test

PREPARE = python=$$(sh infra/setup/find-python.sh) && "$$python" infra/setup/prepare.py
PYTEST = .venv/bin/python -m pytest -n 2 --durations=10

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 14

run: ready-to-run ## install, build, start everything, print the URL; Ctrl-C stops it
	@exec .venv/bin/playground up

test: ready-to-test lint ## everything that needs only Python, Node and Chromium
	@$(PYTEST) -m "not toolchains and not slow and not nightly" $(ARGS)

test-all: ready-to-test toolchains lint ## make test with other toolchains and the longer programs
	@$(PYTEST) -m "not nightly" $(ARGS)

nightly: ready-to-test ## the large counts
	@$(PYTEST) -m nightly $(ARGS)
	@.venv/bin/python infra/load/chaos.py
	@.venv/bin/python infra/load/soak.py
	@PLAYGROUND_LAW_EXECUTIONS=9100 $(PYTEST) --timeout 3600 tests/decider/test_laws.py $(ARGS)
	@PLAYGROUND_FUZZ_DRAWINGS=5000 $(PYTEST) tests/diagram/test_fuzz.py $(ARGS)
	@PLAYGROUND_FUZZ_REQUESTS=20000 $(PYTEST) --timeout 3600 tests/api/test_fuzz.py $(ARGS)

demo: ready-to-run ## the whole story over HTTP, against a running or freshly started playground
	@.venv/bin/playground demo

bench: ready-to-test ## measure throughput and latency
	@.venv/bin/python infra/load/bench.py $(ARGS)

chaos: ready-to-test ## kill everything for ten minutes while 10,000 executions run, then count
	@.venv/bin/python infra/load/chaos.py $(ARGS)

check: ready-to-run ## say what of this installation works
	@.venv/bin/playground check

lint: ## ruff, mypy and the import contracts
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

lock: ready-to-run ## write infra/locks anew from pyproject.toml
	@sh infra/setup/lock.sh

front-end: ## build the front end when its sources changed
	@$(PREPARE) front-end

toolchains: ## install and build what the tests marked toolchains need
	@sh infra/setup/system-packages.sh
	@python=$$(sh infra/setup/find-python.sh) && "$$python" infra/setup/toolchains.py

clean: ## remove everything made by make, except data
	@rm -rf .venv .tools .artifacts build *.egg-info playground/web/static/dist \
		playground/web/assets/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready-to-run:
	@$(PREPARE) run

ready-to-test:
	@$(PREPARE) test
	@sh infra/setup/system-packages.sh
