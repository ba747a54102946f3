# `make run` and `make test` need Python 3.11 or newer, git and make; the rest comes from the lock file.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run repro experiments data test test-all test-cluster test-gpu fuzz compare bench bench-gpu \
	scale check format lock package site dvc.yaml docs/settings.md
export PATH := $(CURDIR)/.venv/bin:$(PATH)
CORES ?= 4
PRESETS ?= notebook segnet unet best
DATA ?= https://github.com/PerceptiLabs/bacteria
DATA_REV ?= a6567ab
SECONDS ?= 600
PYTEST := --numprocesses 2 --quiet

help: ## show this list
	@grep -hE '^[a-z.-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: .venv/installed ## run the chain on params.yaml, print the test metrics
	@snakemake --cores $(CORES)

repro: .venv/installed ## the same with DVC
	@dvc repro
	@echo; python -m darkfield.report.summary

experiments: .venv/installed ## the test IoU of all experiments, and the params that differ
	@dvc exp show --only-changed --drop '.*/|val\.|iou\.|objects\..*\.|test\..*(dice|precision|recall)'

# In a DVC repository of its own, so that no import is committed and `dvc pull` in a clone needs no network.
data: .venv/installed ## fetch the public images and masks into data/darkfield
	@echo "Bacteria detection with darkfield microscopy (Long Nguyen), licence CC BY-NC 4.0:"
	@echo "give credit, no commercial use. Fetching $(DATA) at $(DATA_REV)"
	@[ ! -e data/darkfield ] || { echo "data/darkfield exists already"; exit 1; }
	@part=.part-data-$$$$ && trap "rm -rf $$part" EXIT && mkdir $$part && (cd $$part && \
		dvc init --quiet --no-scm && dvc import --rev $(DATA_REV) $(DATA) images && \
		dvc import --rev $(DATA_REV) $(DATA) masks_orig/masks) && \
		mkdir -p data && rm -rf $$part/.dvc* && [ ! -e data/darkfield ] && mv $$part data/darkfield
	@echo "Now point data.root in params.yaml at data/darkfield"

test: .venv/installed check ## style and fast tests
	python -m pytest $(PYTEST) --dist loadfile -m "not long"

test-all: .venv/installed check ## all tests, and how much of src/ they run
	python -m pytest $(PYTEST) --dist worksteal --cov --cov-report=term

fuzz: .venv/installed ## broken pictures and params, for SECONDS (600)
	python tests/fuzz.py $(SECONDS)

test-cluster: .venv/installed ## the chain on a real Slurm of two nodes; Debian, root
	@tests/slurm.sh python -m pytest --quiet -rP tests/test_cluster.py

test-gpu: .venv/installed ## training and prediction on a GPU against the CPU; a minute
	python -m pytest --quiet tests/cuda

compare: .venv/installed ## train several PRESETS on one split; with SEEDS=1,2,3, three times each
	@python -m darkfield.compare $(PRESETS) $(if $(SEEDS),--seeds $(SEEDS)) --cores $(CORES)

bench: .venv/installed ## how fast it is: ratios in one run, into results/bench.json
	@python bench

bench-gpu: .venv/installed ## training on a GPU: images a second, fraction of its peak, waits for data
	@python bench/gpu.py

scale: .venv/installed ## what the chain costs with 100, 1,000 and 10,000 pictures, and with a million
	@python bench/scale.py

check: .venv/installed ## style and types: ruff, snakefmt, snakemake --lint, layers of imports, mypy
	@ruff check --quiet .
	@ruff format --quiet --check .
	@snakefmt --check Snakefile workflow 2>/dev/null || snakefmt --check Snakefile workflow
	@! (snakemake --lint 2>&1 || true) | grep "^    \* " | grep -v "Specify a conda environment or container"
	@lint-imports
	@mypy

format: .venv/installed ## format the code
	@ruff check --quiet --fix .
	@ruff format --quiet .
	@snakefmt Snakefile workflow

dvc.yaml: .venv/installed ## write dvc.yaml from the Snakefile
	@part=.part-$$$$-$@ && trap "rm -f $$part" EXIT && python -m darkfield.engine.dvcfile > $$part && \
		mv $$part $@

docs/settings.md: .venv/installed ## write it, and the schema for editors, from src/darkfield/params.py
	@python -m darkfield.schema

lock: .venv/installed ## resolve the dependencies of pyproject.toml again
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--extra dev --upgrade pyproject.toml -o requirements.lock

package: .venv/installed ## build the wheel and the source archive into dist/, check them
	@python -m build --no-isolation
	@uv tool run twine check --strict dist/*

site: .venv/installed ## build the documentation into site/, with the report of the last run
	@python docs/site_example.py
	@sphinx-build --quiet --fail-on-warning --doctree-dir build/doctrees docs site
	@echo site/index.html

# uv installs in seconds what takes pip minutes; its own version and hash are in the lock file, too.
.venv/installed: requirements.lock pyproject.toml
	@python3 -c 'import sys; v = sys.version_info; v >= (3, 11) or \
		sys.exit("Python 3.11 or newer is needed; python3 is %d.%d" % v[:2])'
	@echo "Installing into .venv (torch is large: a minute or more)"
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r <(sed -n '/^uv==/,/^    # via/p' requirements.lock)
	.venv/bin/uv pip sync --quiet --require-hashes --compile-bytecode --python .venv/bin/python \
		requirements.lock
	.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python \
		--editable .
	@touch $@
