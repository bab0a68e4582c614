# demo, test, ui, check: each sets up first what it needs; set-up is done once.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo ui test test-azure images faults bench chromium check audit lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

setup: $(READY) ## the environment in .venv and Spark's jars in the cache

$(READY): requirements.lock setup.cfg
	@echo "setting up $(VENV) from requirements.lock (once; about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Python 3.11 is needed: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@echo "installing $$(grep -c == requirements.lock) packages"
	@$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps -e .
	$(BIN)/recsys setup
	@touch $@

demo: $(READY) ## generate data, run the whole graph, show what came of it
	$(BIN)/recsys generate
	$(BIN)/recsys run
	$(BIN)/recsys status
	$(BIN)/recsys recommend 1

ui: $(READY) ## the Dagster UI on http://127.0.0.1:3000
	$(BIN)/recsys ui

# Three processes keep two cores busy: much of a test waits for processes it has started. In the order
# of the folders the long ones, acceptance and azure, come first and no core waits for the last of them.
test: $(READY) chromium ## every test, in three processes
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

faults: $(READY) ## the whole fault campaign and three simulated weeks; half an hour
	$(BIN)/python -W ignore -m recsys_assets_tests.faults.campaign
	$(BIN)/python -W ignore -m recsys_assets_tests.faults.weeks

bench: $(READY) ## every benchmark; PEER_PYTHON and PEERS name what to measure against
	$(BIN)/python benchmarks/all.py $(if $(PEER_PYTHON),--peer-python $(PEER_PYTHON)) $(if $(PEERS),--peers $(PEERS))

test-azure: $(READY) ## only what runs on Azure, against its counterparts on loopback
	RECSYS_TEST_DATABRICKS=1 $(BIN)/pytest --tb=short recsys_assets_tests/azure \
		recsys_assets_tests/resources/azure \
		recsys_assets_tests/resources/databricks \
		recsys_assets_tests/resources/test_spark_submit.py recsys_assets_tests/docker \
		recsys_assets_tests/infrastructure

images: $(READY) ## build the images without an engine, start them and ask them; minutes, as root
	RECSYS_TEST_IMAGES=1 $(BIN)/pytest recsys_assets_tests/docker/test_images.py

# The pages are tested in a real browser. Where it is missing and may be installed, it is.
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
		echo "installing Chromium for the tests of the pages"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } \
			>/dev/null 2>&1 || echo "no Chromium: the tests of the pages are skipped"; }

check: $(READY) ## lint, types, import contracts, definitions, images, manifests, infrastructure
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dg check defs
	$(BIN)/hadolint docker/*/Dockerfile docker/serving/azureml/Dockerfile
	$(BIN)/kubernetes-validate --strict --quiet docker/serving/kubernetes/*.yaml docker/helm/home.yaml
	$(BIN)/pytest -q recsys_assets_tests/infrastructure recsys_assets_tests/docker/test_files.py

audit: $(READY) ## known vulnerabilities of what is installed; needs the network
	$(BIN)/uv tool run pip-audit==2.9.0 --disable-pip --require-hashes -r requirements.lock

lock: ## pin what setup.cfg asks for
	$(BIN)/uv pip compile --quiet --python-version 3.11 --extra dev --extra production --generate-hashes \
		--no-emit-index-url --no-header --no-annotate setup.cfg --output-file requirements.lock

clean: ## remove the environment; state in .recsys stays
	rm -rf $(VENV)
