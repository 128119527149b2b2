# atelier3d: `make help` lists what there is.
VENV ?= .venv
RUN := $(VENV)/bin/python
ASSETS ?=
SIZE ?= micro
DEMO_SIZES := tiny micro

.PHONY: help setup demo test test-slow check bench clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 12

setup: ## virtual environment and pinned packages
	@VENV=$(VENV) infra/bootstrap.sh

demo: setup ## assets, shards, a trained model, numbers and a report in under 15 minutes; ASSETS=folder takes your own meshes
	@VENV=$(VENV) infra/demo.sh $(SIZE) $(if $(ASSETS),"$(abspath $(ASSETS))")

test: setup check ## lint, types, layers and the fast tests (under 12 minutes on 2 cores)
	@OMP_WAIT_POLICY=PASSIVE $(RUN) -m pytest -q -n 2 --dist loadfile -m "not slow and not gpu and not weights"

test-slow: setup ## the long tests too: servers, kill tests, whole chains
	@$(RUN) -m pytest -q -m "not gpu and not weights"

check: setup ## ruff, mypy and import-linter
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

bench: setup ## every benchmark, as ratios to a floor or a peer measured in the same run
	@$(RUN) -m tests.benchmarks

clean: ## remove data and runs of the demo sizes (not the environment)
	rm -rf $(foreach size,$(DEMO_SIZES),data/$(size) runs/$(size) demo/*/data/$(size) demo/*/runs/$(size))
