# The commands of a fresh checkout; each makes what it needs. CI runs `check` and `test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
DEMO := runs/demo
ANIMALS := $(DEMO)/animals

.PHONY: demo test check faults lock .venv
.DELETE_ON_ERROR:

demo: $(INSTALLED)
	$(BIN)/python -m tfstargan.train --flagfile=configs/critters.flags --run_dir=$(DEMO)
	$(BIN)/python -m tfstargan.samples --run_dir=$(DEMO) --animation=webp
	test -d $(ANIMALS) || $(BIN)/python -m tfstargan.draw --out=$(ANIMALS) --per_domain=5
	$(BIN)/python -m tfstargan.translate --run_dir=$(DEMO) \
		--source=$(ANIMALS)/val/cat/0000.png --domain=bear --seed=3
	$(BIN)/python -m tfstargan.translate --run_dir=$(DEMO) \
		--source=$(ANIMALS)/val/cat --reference=$(ANIMALS)/val/rabbit/0000.png
	$(BIN)/python -m export.tflite --run_dir=$(DEMO)
	$(BIN)/python -m tfstargan.evaluate --run_dir=$(DEMO) --probe
	@echo
	@echo "Pose from above, species and fur from the left: $(DEMO)/samples/references.png"
	@echo "The style wanders, the pose stays:              $(DEMO)/samples/references.webp"
	@echo "Translated pictures:                            $(DEMO)/translations/"
	@echo "A page that translates in the browser:          $(BIN)/python -m export.web --run_dir=$(DEMO) --serve"
	@echo "The model for apps, and what it gives:          $(DEMO)/export/"

test: $(INSTALLED)
	$(BIN)/python -m pytest -q -rs --numprocesses=auto --dist=loadfile --no-loadscope-reorder

# Every fault many times, and the table of them; an hour or more.
faults: $(INSTALLED)
	$(BIN)/python tests/faults/campaign.py

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python .ci/audit

.venv: $(INSTALLED)

$(INSTALLED): setup.py requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: $(PYTHON) is not 3.11, 3.12 or 3.13; say make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --require-hashes -r requirements.lock
	$(BIN)/pip install --no-deps --no-build-isolation -e .
	touch $@

# Writes requirements.lock anew from setup.py; needs `pip install uv`.
lock:
	uv pip compile setup.py --extra cpu --extra tfds --extra video --extra quantize --extra onnx --extra dev \
		--universal --upgrade --python-version 3.11 --generate-hashes --output-file requirements.lock
