# Every target builds .venv on first use; all it needs is Python 3.11 or newer (PYTHON=python3.12 picks another one).
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: install demo test fmt lint type bench api model

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("cmmd needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --editable ".[dev]" --constraint constraints.txt
	$(BIN)/python -m compileall -qq -j 0 .venv/lib || true  # on all cores; a few files of packages are not Python of this version
	@touch $@

demo: install  ## a clip gets sound, a sound gets a clip, with pictures
	$(BIN)/python examples/demo.py

test: install  ## three processes: on two cores, a fourth costs more than it gains
	$(BIN)/python -m pytest -n 3 --dist worksteal tests

fmt: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: install
	$(BIN)/pyright

api: install  ## the API page from the docstrings, in build/api
	$(BIN)/python -m mkdocs build --strict --quiet --config-file docs/api/mkdocs.yml

bench: install  ## seconds a denoising step and a clip, split into parts
	$(BIN)/python benchmarks/speed.py

# All shipped weights from nothing (docs/training.md). Each training has a folder in MODEL_RUNS, which holds `model` as
# soon as it is finished. A training that was interrupted is resumed, and a finished one is never repeated: what a step
# needs is order-only.
MODEL_RUNS ?= runs/model
MODEL_SETTINGS ?=  # KEY=VALUE..., settings of all trainings
MODEL_EVALUATION ?= --clips 300  # options of cmmd evaluate

model: $(MODEL_RUNS)/evaluation/record.json  ## all shipped weights: trained from nothing, then evaluated

# $(call train,RECIPE,KEY=VALUE...) trains into the folder of the target, or resumes the run that is there.
train = $(BIN)/python -m cmmd train $(1) $(patsubst %,--set '%',$(2) $(MODEL_SETTINGS)) --out $(@D) \
	$$(test ! -e $(@D)/config.yaml || echo --resume)

$(MODEL_RUNS)/autoencoder/model: | $(INSTALLED)
	$(call train,world.autoencoder)

$(MODEL_RUNS)/decoder/model: | $(INSTALLED)
	$(call train,world.vocoder)

$(MODEL_RUNS)/visual_events/model: | $(INSTALLED)
	$(call train,world.visual_events)

$(MODEL_RUNS)/cmmd/model: | $(MODEL_RUNS)/autoencoder/model $(MODEL_RUNS)/decoder/model
	$(call train,world.cmmd,autoencoder=$(MODEL_RUNS)/autoencoder/model waveform_decoder=$(MODEL_RUNS)/decoder/model)

$(MODEL_RUNS)/events/model: | $(MODEL_RUNS)/autoencoder/model
	$(call train,world.events,autoencoder=$(MODEL_RUNS)/autoencoder/model)

$(MODEL_RUNS)/event_messages/model: | $(MODEL_RUNS)/cmmd/model $(MODEL_RUNS)/events/model
	$(call train,world.event_messages,start=$(MODEL_RUNS)/cmmd/model autoencoder=$(MODEL_RUNS)/events/model)

$(MODEL_RUNS)/hits/model: | $(MODEL_RUNS)/event_messages/model
	$(call train,world.hits,start=$(MODEL_RUNS)/event_messages/model)

$(MODEL_RUNS)/wider_autoencoder/model: | $(MODEL_RUNS)/events/model
	$(call train,world.wider_autoencoder,start=$(MODEL_RUNS)/events/model)

$(MODEL_RUNS)/wider_latents/model: | $(MODEL_RUNS)/hits/model $(MODEL_RUNS)/wider_autoencoder/model
	$(call train,world.wider_latents,start=$(MODEL_RUNS)/hits/model autoencoder=$(MODEL_RUNS)/wider_autoencoder/model)

$(MODEL_RUNS)/pretrained: | $(MODEL_RUNS)/wider_latents/model $(MODEL_RUNS)/visual_events/model
	$(BIN)/python -m cmmd.recipes.shipped_form $(addprefix $(MODEL_RUNS)/,wider_latents/model visual_events/model) $@

# Exit code 1: figures were written, but some clips could not be measured.
$(MODEL_RUNS)/evaluation/record.json: | $(MODEL_RUNS)/pretrained
	$(BIN)/python -m cmmd evaluate $(MODEL_RUNS)/pretrained/world --detector $(MODEL_RUNS)/pretrained/visual_events \
		--data world --direction all $(MODEL_EVALUATION) --out $(@D) || test $$? = 1
