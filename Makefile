# Everything a newcomer needs: `make run`, `make test`, `make demo`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.PHONY: help install run test chaos check demo lock train-redaction train-confidence

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check
UV := $(VENV)/bin/uv
PINNED := -r requirements.txt -r requirements-dev.txt
NPM_CI := npm ci --loglevel=error --no-update-notifier --no-audit --no-fund --ignore-scripts
INSTALLED := $(VENV)/.installed
PACKAGES := node_modules/.installed
# A start imports four thousand modules: compiled anew each time, that is ten seconds of a processor and not two.
unexport PYTHONDONTWRITEBYTECODE
# Two of them mostly wait at first: they play calls at the pace of speech.
TEST_PROCESSES ?= 4

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

install: $(INSTALLED) $(PACKAGES) ## make .venv and fetch what is pinned (nothing to do when it is current)

run: install ## start everything with two sample companies; Ctrl-C stops it
	@exec $(PYTHON) manage.py run

test: install ## run all tests in several processes (browser tests need Chromium)
	$(PYTHON) -m pytest -n $(TEST_PROCESSES) --dist loadfile

chaos: install ## kill every part of an installation in the middle of twenty calls at once
	CHAOS_CALLS=$(or $(CHAOS_CALLS),20) $(PYTHON) -m pytest tests/chaos

check: install ## lint, types, the direction of imports, migrations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(PYTHON) -W "ignore:Got an error checking a consistent:RuntimeWarning" manage.py makemigrations --check --dry-run

demo: install ## prove the main job without a browser: play a sample call, print what came of it
	@$(PYTHON) manage.py demo

train-redaction: install ## train the redaction model anew from ../shared/data/dev (some minutes; the same seed gives the same file)
	$(PYTHON) -m engines.redaction.training --data ../shared/data/dev

DEV := ../shared/data/dev
train-confidence: install ## learn anew how sure search may be of an answer, and say how good that is (some minutes)
	$(PYTHON) -m bench confidence --train --docs ../shared/data/common/knowledge/tau_banking_docs.jsonl \
	  --queries $(DEV)/knowledge/tau_banking_queries.jsonl --others $(DEV)/intent/clinc150.jsonl $(DEV)/dialog/multidogo.jsonl

lock: install ## compile the requirements anew from the *.in files
	for name in requirements requirements-dev requirements-node requirements-uv requirements-whisper; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate $$name.in -o $$name.txt; \
	done

$(PYTHON):
	@python=$$(for name in python3 python3.11 python3.12 python3.13 python3.14; do \
	    "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done; true); \
	  if [ -z "$$python" ]; then echo "This needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || true)"; exit 1; fi; \
	  "$$python" -m venv $(VENV) \
	    || { rm -rf $(VENV); \
	      echo "$$python cannot make a virtual environment: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }

# uv takes a tenth of pip's time, but knows nothing of what is set for pip (mirrors, say): where it finds no way, pip does.
$(INSTALLED): requirements.txt requirements-dev.txt requirements-uv.txt | $(PYTHON)
	@echo "Installing the pinned Python packages into $(VENV) (half a minute the first time)"
	@{ $(PIP) install --quiet --require-hashes -r requirements-uv.txt \
	    && $(UV) pip install --quiet --system-certs --python $(PYTHON) --require-hashes $(PINNED); } \
	  || { echo "Once more with pip: this takes some minutes"; \
	    $(PIP) install --quiet --require-hashes $(PINNED); }
	@touch $@

$(PACKAGES): package.json package-lock.json | $(PYTHON)
	@echo "Fetching the front-end packages"
	@if command -v npm >/dev/null; then $(NPM_CI); \
	  else $(PIP) install --quiet --require-hashes -r requirements-node.txt \
	    && PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(NPM_CI); fi
	@touch $@
