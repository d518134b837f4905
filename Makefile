# The commands of a fresh checkout; each makes the environment that it needs.
PYTHON ?= python3
DEV := .venv/installed
RUN := .venv-run/installed
BIN := .venv/bin
TFSTARGAN := .venv-run/bin/tfstargan
DEMO := runs/critters
ANIMALS := $(DEMO)/animals
PYTEST := $(BIN)/python -m pytest -q -rs --durations=10 \
	--numprocesses=auto --dist=loadfile --no-loadscope-reorder
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes

.PHONY: demo test-fast test test-all check docs faults lock .venv .venv-run old-runtime
.DELETE_ON_ERROR:

# A trained model at once; then the whole way: trains, translates, exports, evaluates.
demo: $(RUN)
	$(TFSTARGAN) samples --run_dir=preset:critters64
	$(TFSTARGAN) train --flagfile=configs/critters.flags --run_dir=$(DEMO)
	$(TFSTARGAN) samples --run_dir=$(DEMO) --animation=webp
	test -d $(ANIMALS) || $(TFSTARGAN) draw --out=$(ANIMALS) --per_domain=5
	$(TFSTARGAN) translate --run_dir=$(DEMO) \
		--source=$(ANIMALS)/val/cat/0000.png --domain=bear --seed=3
	$(TFSTARGAN) translate --run_dir=$(DEMO) \
		--source=$(ANIMALS)/val/cat --reference=$(ANIMALS)/val/rabbit/0000.png
	$(TFSTARGAN) export tflite --run_dir=$(DEMO)
	$(TFSTARGAN) evaluate --run_dir=$(DEMO) --probe
	@echo
	@echo "Pose from above, species and fur from the left: $(DEMO)/samples/references.png"
	@echo "The style changes, the pose stays:              $(DEMO)/samples/references.webp"
	@echo "The same of a model that was trained before:    runs/preset-critters64/samples/"
	@echo "Translated images:                              $(DEMO)/translations/"
	@echo "The model for apps, and its report:             $(DEMO)/export/"
	@echo "A page that translates images in the browser:"
	@echo "    $(TFSTARGAN) export web --run_dir=$(DEMO) --serve"

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
