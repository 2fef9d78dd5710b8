# Each target builds what it needs into .venv, so `make demo` and `make test` work on a fresh clone.
# uv is used where it is present, else python3 -m venv and pip; both install only what the locks' hashes allow.

VENV    := .venv
PY      := $(VENV)/bin/python
RUNTIME := $(VENV)/.runtime
DEV     := $(VENV)/.dev

.PHONY: help build demo test lint bench proof browser pictures lock clean

help:  ## what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

build: $(RUNTIME)  ## the program, as .venv/bin/csms-bot

demo: $(RUNTIME)  ## the whole program against an embedded CSMS and an embedded Slack workspace
	@$(PY) -m bot demo $(ARGS)

test: lint browser  ## everything that must hold, in a few minutes
	@$(PY) -m pytest -m "not proof" -n auto --maxprocesses 4 $(ARGS)

lint: $(DEV)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

bench: $(DEV)  ## ratios against peers, measured in one run
	@$(PY) -m tests.bench $(ARGS)

proof: $(DEV) browser  ## the long proofs
	@$(PY) -m pytest -m proof -o faulthandler_timeout=3000 $(ARGS)

browser: $(DEV)  ## a Chromium for the tests of the page
	@sh tests/support/ensure-browser

$(RUNTIME): requirements.lock pyproject.toml tests/support/make-venv
	@sh tests/support/make-venv $(VENV) requirements.lock
	@touch $@

$(DEV): requirements-dev.lock pyproject.toml tests/support/make-venv
	@sh tests/support/make-venv $(VENV) requirements-dev.lock
	@touch $@ $(RUNTIME)

pictures: $(DEV) browser  ## the README's pictures, from the running program
	@$(PY) -m tests.support.pictures docs

lock:  ## needs uv; the locks name no registry
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock

clean:  ## what was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
