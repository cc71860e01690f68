# Two commands set everything up on a fresh machine: `make demo` and `make test`.
# They need Python 3.11 (3.10–3.13 work too), make and a package registry.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m lightning_plates
EXTRAS := train,data,evaluate,video,heic,dev
# Every extra whose runtime works on a CPU and whose packages resolve together.
RUNTIMES_VENV ?= .venv-runtimes
RUNTIME_EXTRAS := train,data,tflite,openvino,ncnn,tvm,executorch,dev
RUNTIME_TESTS := tests/conversion tests/runtimes tests/test_licences.py tests/test_without_extras.py
FAST := not slow and not gpu and not network and not offline
DEMO := runs/demo

# As lightning_plates/silence.py does, for programs that import none of ours; and pip's update check.
export ORT_DISABLE_TELEMETRY ?= 1
export NO_ALBUMENTATIONS_UPDATE ?= 1
export HF_HUB_DISABLE_TELEMETRY ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.PHONY: demo bench-cache train-shipped train-regressors ablation test test-runtimes offline docs package slow lint types imports check thesis \
	constraints licences sums fuzz kill mutants clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

# Installed once: only a change of the package's metadata or pins installs again.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[$(EXTRAS)]' \
		|| $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

# Each step of the demo makes a file; one that is there is not made again.
demo: $(DEMO)/model.onnx  ## make photos, fit, export, check and draw: a few minutes, offline
	$(RUN) predict $(DEMO)/model.onnx $(DEMO)/unseen --csv $(DEMO)/boxes.csv --save $(DEMO)/pictures
	$(RUN) compare $(DEMO)/run -o $(DEMO)/report
	@echo 'photos and boxes     $(DEMO)/photos'
	@echo 'checkpoints, curves  $(DEMO)/run'
	@echo 'ONNX hub file        $(DEMO)/model.onnx'
	@echo 'photos with boxes    $(DEMO)/pictures'
	@echo 'report               $(DEMO)/report'

$(DEMO)/photos/boxes.csv: $(VENV)/.installed
	$(RUN) data synthesise -o $(DEMO)/photos --count 1500 --seed 2026 --plate-width 0.12 0.45

$(DEMO)/unseen/boxes.csv: $(VENV)/.installed
	$(RUN) data synthesise -o $(DEMO)/unseen --count 12 --seed 2027 --plate-width 0.12 0.45

$(DEMO)/run/run.json: $(DEMO)/photos/boxes.csv
	$(RUN) fit --config configs/demo.yaml --data.path $(DEMO)/photos --run $(DEMO)/run --resume

$(DEMO)/model.onnx: $(DEMO)/run/run.json $(DEMO)/unseen/boxes.csv
	$(BIN)/python -m conversion.hub $(DEMO)/run/best.ckpt -o $@ --photos $(DEMO)/unseen

# WEIGHTS: folder with vgg16.safetensors and so on, where torchvision's cannot be downloaded.
# THESIS_OPTIONS: e.g. --precision bf16-mixed; see `python -m lightning_plates thesis --help`.
thesis: $(VENV)/.installed  ## reproduce the thesis' first stage; resumable
	$(RUN) thesis -o runs/thesis $(if $(WEIGHTS),--weights-dir $(WEIGHTS)) $(THESIS_OPTIONS)

# Random weights: what is timed does not depend on them.
bench-cache: $(VENV)/.installed  ## 17 epochs with and without the feature cache
	$(RUN) data synthesise -o runs/bench-cache/photos --count 120 --seed 5
	for network in mobilenet_v2 vgg16; do for cache in true false; do \
		$(RUN) fit --config configs/$$network.yaml --model.weights none \
			--data.path runs/bench-cache/photos --data.cache_features $$cache \
			--data.cache_dir runs/bench-cache/features \
			--run runs/bench-cache/$$network-cache-$$cache --resume || exit 1; \
	done; done
	$(RUN) compare runs/bench-cache/*-cache-* -o runs/bench-cache/report

# The finder that ships, from its photos to its INT8 file. PLATES: folder with the sets openimages
# and romanian; BACKBONE: starting weights. Interrupted, the same command goes on; on two cores
# count with two hours. `artifacts/finder/README.md` says what is in it.
PLATES ?= ../shared/data/plates
BACKBONE ?= ../shared/data/weights/mobilenet_v2.safetensors
VALIDATION := [0-2]|dayride_type1_00[23]
FINDER := runs/plate_finder

train-shipped: $(FINDER)/plate_finder_int8.onnx train-regressors  ## train and quantise what ships
	@echo '$(FINDER): plate_finder.onnx and plate_finder_int8.onnx; artifacts/finder holds ours'

# The thesis' recipe on real photos: copies, a frozen backbone, a flatten head, one box a photo.
WEIGHTS_DIR ?= $(dir $(BACKBONE))
REGRESSORS := runs/regressors
BACKBONES := mobilenet_v2 vgg16 inception_v3

train-regressors: $(BACKBONES:%=$(REGRESSORS)/%_int8.onnx)

runs/real_train/boxes.csv: runs/openimages_train/boxes.csv $(PLATES)/romanian/boxes.csv
	mkdir -p $(@D)
	ln -sf $(abspath $(PLATES))/openimages/[3-9a-f]*.jpg $(@D)/
	find $(abspath $(PLATES))/romanian -name '*.jpg' ! -name 'dayride_type1_00[23]*' -exec ln -sf {} $(@D)/ ';'
	{ cat $<; tail -n +2 $(PLATES)/romanian/boxes.csv | grep -v '^dayride_type1_00[23]'; } > $@

$(REGRESSORS)/copies/boxes.csv: runs/real_train/boxes.csv $(VENV)/.installed
	$(RUN) data augment runs/real_train -o $(REGRESSORS)/copies --keep 3000 --seed 0 || test $$? = 3

$(REGRESSORS)/split.csv: $(REGRESSORS)/copies/boxes.csv
	$(RUN) data split $(REGRESSORS)/copies -o $@ --protocol grouped --fractions 0.9 0.1 0 --seed 0

$(BACKBONES:%=$(REGRESSORS)/%.onnx): $(REGRESSORS)/%.onnx: $(REGRESSORS)/split.csv
	$(RUN) fit --config configs/thesis/$*.yaml --run $(REGRESSORS)/$* --resume \
		--model.weights $(WEIGHTS_DIR)$*.safetensors --data.path $(REGRESSORS)/copies \
		--data.split $< --data.cache_features true --data.cache_dir $(REGRESSORS)/features \
		--trainer.precision bf16-mixed
	$(BIN)/python -m conversion.hub $(REGRESSORS)/$*/best.ckpt -o $@

# A regressor loses more by INT8 than the 0.9 that a converter asks for; its card says how much. VGG16
# stays under 25 MB only if no layer is left in float.
FLOAT_LAYERS_vgg16 := --keep-float
$(BACKBONES:%=$(REGRESSORS)/%_int8.onnx): $(REGRESSORS)/%_int8.onnx: $(REGRESSORS)/%.onnx
	$(BIN)/python -m conversion.onnxruntime $< -o $(REGRESSORS)/converted --precision int8 \
		--calibration $(REGRESSORS)/copies --min-iou 0.6 $(FLOAT_LAYERS_$*)
	cp $(REGRESSORS)/converted/$*.int8.onnx $@

runs/synthetic/boxes.csv: $(VENV)/.installed
	$(RUN) data synthesise -o runs/synthetic --count 700 --several 0.3

# Training photos only: what is drawn onto them must not meet the validation photos.
runs/openimages_train/boxes.csv: $(PLATES)/openimages/boxes.csv
	mkdir -p $(@D)
	ln -sf $(abspath $(PLATES))/openimages/[3-9a-f]*.jpg $(@D)/
	grep -v '^[0-2]' $< > $@

runs/synthetic_onto/boxes.csv: runs/openimages_train/boxes.csv $(VENV)/.installed
	$(RUN) data synthesise -o runs/synthetic_onto --onto runs/openimages_train --count 400 --seed 5

$(FINDER)/run.json: runs/synthetic/boxes.csv runs/synthetic_onto/boxes.csv
	$(RUN) fit --config configs/plate_finder.yaml --run $(FINDER) --resume --model.weights $(BACKBONE)

$(FINDER)/calibrated.ckpt: $(FINDER)/run.json
	$(RUN) calibrate-finder $(FINDER)/best.ckpt $(PLATES)/openimages $(PLATES)/romanian \
		--only '$(VALIDATION)' --threshold 0.3 -o $@

$(FINDER)/plate_finder.onnx: $(FINDER)/calibrated.ckpt
	$(BIN)/python -m conversion.hub $< -o $@

$(FINDER)/plate_finder_int8.onnx: $(FINDER)/plate_finder.onnx
	$(BIN)/python -m conversion.onnxruntime $< -o $(FINDER)/converted --precision int8 \
		--calibration runs/openimages_train
	cp $(FINDER)/converted/plate_finder.int8.onnx $@
	cp $(FINDER)/converted/plate_finder.int8.onnx.golden.npz $@.golden.npz

# What a model is compared with when it is opened; after a new one was put into artifacts/.
sums:  ## state the SHA-256 of every model that ships
	cd artifacts && sha256sum */*.onnx */*.npz */*.ckpt */*.safetensors | LC_ALL=C sort -k 2 > SHA256SUMS

# One lever at a time, the same photos, seed and budget; see configs/ablation/README.md.
LEVERS := $(patsubst configs/ablation/%.yaml,%,$(wildcard configs/ablation/*.yaml))
ablation: $(FINDER)/run.json  ## what each lever of the finder gains
	for lever in short $(filter-out short,$(LEVERS)); do \
		$(RUN) fit --config configs/plate_finder.yaml --config configs/ablation/short.yaml \
			--config configs/ablation/$$lever.yaml --run runs/ablation/$$lever --resume || exit 1; \
	done
	$(RUN) compare $(addprefix runs/ablation/,short $(filter-out short,$(LEVERS))) -o runs/ablation/report

test: $(VENV)/.installed  ## the fast tests
	$(BIN)/python -m pytest -q -m "$(FAST)"

# An environment of its own: what a user of one runtime has is tested by `test`.
$(RUNTIMES_VENV)/.installed: pyproject.toml constraints.txt
	test -x $(RUNTIMES_VENV)/bin/python || $(PYTHON) -m venv $(RUNTIMES_VENV)
	$(RUNTIMES_VENV)/bin/python -m pip install --quiet uv
	$(RUNTIMES_VENV)/bin/uv pip install --quiet --python $(RUNTIMES_VENV)/bin/python \
		-c constraints.txt -e '.[$(RUNTIME_EXTRAS)]'
	touch $@

test-runtimes: $(RUNTIMES_VENV)/.installed  ## converters and runtimes, with all that a CPU can run
	$(RUNTIMES_VENV)/bin/python -m pytest -q -m "$(FAST)" $(RUNTIME_TESTS)

offline: $(RUNTIMES_VENV)/.installed  ## no command asks for an internet socket; needs Linux and strace
	$(RUNTIMES_VENV)/bin/python -m pytest -q -m offline tests/test_nothing_leaves.py

# The extras of neither environment; TensorRT's wheels come from an index of NVIDIA's, so that its
# rows stay as they were written. For a new package `.venv/bin/python tests/licences.py .venv` will do.
LICENCES_VENV ?= .venv-licences
LICENCES_EXTRAS := easyocr,tesseract,gpu,nv-tensorrt-rtx

$(LICENCES_VENV)/.installed: $(VENV)/.installed pyproject.toml constraints.txt
	test -x $(LICENCES_VENV)/bin/python || $(PYTHON) -m venv $(LICENCES_VENV)
	$(BIN)/uv pip install --quiet --python $(LICENCES_VENV)/bin/python \
		-c constraints.txt -e '.[$(LICENCES_EXTRAS)]'
	touch $@

licences: $(VENV)/.installed $(RUNTIMES_VENV)/.installed $(LICENCES_VENV)/.installed
licences:  ## write the tables of docs/licences.md from what is installed
	$(BIN)/python tests/licences.py --tools $(VENV) $(RUNTIMES_VENV) $(LICENCES_VENV)

DOCS_VENV ?= .venv-docs
$(DOCS_VENV)/.installed: $(VENV)/.installed pyproject.toml constraints.txt
	test -x $(DOCS_VENV)/bin/python || $(PYTHON) -m venv $(DOCS_VENV)
	$(BIN)/uv pip install --quiet --python $(DOCS_VENV)/bin/python -c constraints.txt -e '.[docs]'
	touch $@

# A link or a name that leads nowhere is an error (`strict` in mkdocs.yml).
docs: $(DOCS_VENV)/.installed  ## build the documentation site: build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --quiet

# Into a folder of its own, so that `dist/` of a release is not overwritten.
package: $(VENV)/.installed  ## build wheel and source distribution, and check what an index would ask for
	rm -rf build/dist
	$(BIN)/uv build --quiet --out-dir build/dist .
	$(BIN)/uv tool run --quiet --from twine twine check --strict build/dist/*.whl build/dist/*.tar.gz

slow: $(VENV)/.installed  ## the slow tests
	$(BIN)/python -m pytest -q -m slow

# Each names the seed of what it finds and the command that tries it again.
TRIALS ?= 2000
fuzz: $(VENV)/.installed  ## damage every kind of file that is read: seeded trials, a few minutes
	$(BIN)/python -m tests.fuzz --count $(TRIALS)

KILLS ?= 50
kill: $(VENV)/.installed  ## kill long commands at random moments and compare what resumes
	$(BIN)/python -m tests.kill --count $(KILLS)

mutants: $(VENV)/.installed  ## break one line at a time, and see that the tests notice
	$(BIN)/python -m tests.mutants

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

imports: $(VENV)/.installed
	$(BIN)/lint-imports

check: lint types imports  ## lint, types and import rules

constraints: $(VENV)/.installed  ## pin the newest versions that resolve together
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --all-extras pyproject.toml \
		--no-emit-index-url --no-annotate --no-header -o constraints.new
	{ echo '# Exact versions that were tested together. Made by `make constraints`; no addresses inside.'; \
		cat constraints.new; } > constraints.txt
	rm constraints.new

clean:
	rm -rf $(VENV) build dist *.egg-info
