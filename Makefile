# The commands of a fresh checkout; each makes the environment that it needs.
PYTHON ?= python3
DEV := .venv/installed
RUN := .venv-run/installed
BIN := .venv/bin
TFSTARGAN := .venv-run/bin/tfstargan
DEMO := runs/demo
SCRATCH := runs/critters
PYTEST := $(BIN)/python -m pytest -q -rs --durations=10 \
	--numprocesses=auto --dist=loadfile --no-loadscope-reorder
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes

.PHONY: demo demo-scratch pictures test-fast test test-all check docs faults lock .venv .venv-run old-runtime
.DELETE_ON_ERROR:

# A preset learns a new animal; its pictures, numbers and a model for apps.
demo: $(RUN)
	$(TFSTARGAN) demo --out=$(DEMO)

# Trains on drawn animals from nothing, translates, exports and evaluates.
demo-scratch: $(RUN)
	$(TFSTARGAN) train --flagfile=configs/critters.flags --run_dir=$(SCRATCH)
	$(TFSTARGAN) samples --run_dir=$(SCRATCH) --animation=webp
	test -d $(SCRATCH)/animals || $(TFSTARGAN) draw --out=$(SCRATCH)/animals --per_domain=5
	$(TFSTARGAN) translate --run_dir=$(SCRATCH) \
		--source=$(SCRATCH)/animals/val/cat/0000.png --domain=bear --seed=3
	$(TFSTARGAN) export tflite --run_dir=$(SCRATCH)
	$(TFSTARGAN) evaluate --run_dir=$(SCRATCH) --probe

# The pictures of the pages, of the presets; needs Chromium and npm for that of the page.
pictures: $(DEV)
	$(BIN)/python .ci/pictures

# Before a commit: under 90 seconds on two idle cores.
test-fast: $(DEV)
	$(PYTEST) -m "not slow and not process and not all"

# All tests except those of `make test-all`.
test: $(DEV)
	$(PYTEST) -m "not all"

# The wheel, the code of the pages, the notebook and other long tests. CI runs both.
test-all: $(DEV)
	$(PYTEST) -m all

# The documentation site, in build/site; a warning is an error.
docs: $(DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

# Every fault many times, and their table; an hour or more.
faults: $(DEV)
	$(BIN)/python tests/faults/campaign.py

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python .ci/audit

# TensorFlow Lite of 2023, for the test that runs exported files in it; Python 3.11.
old-runtime:
	python3.11 -m venv .venv-old-runtime
	.venv-old-runtime/bin/pip install --require-hashes -r tests/old_runtime.lock

.venv: $(DEV)
.venv-run: $(RUN)

# One for development, with every extra except gpu; one to run commands on a CPU.
$(DEV): requirements.lock
$(RUN): requirements-run.lock
$(DEV) $(RUN): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: $(PYTHON) is not 3.11, 3.12 or 3.13; say make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --require-hashes -r $(filter %.lock,$^)
	$(@D)/bin/pip install --no-deps --no-build-isolation -e .
	touch $@

# Writes both lock files, the second with the versions of the first; needs
# `pip install uv`.
lock:
	$(LOCK) --upgrade --extra cpu --extra all --output-file requirements.lock
	$(LOCK) --constraint requirements.lock --extra cpu --output-file requirements-run.lock
