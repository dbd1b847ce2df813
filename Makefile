# make demo: simulate people, train, evaluate, report; make test: ruff, mypy, tests. Nothing but Python, make and a C library is needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo

.DEFAULT_GOAL := help
.PHONY: help demo test test-cpus install docs slow campaigns clean

# As on other processors: libraries are kept from units that this one has (a switch above what it has changes nothing). CPUS: tests of numbers; `make test`
# runs a part, once, as on an old one.
OLD := ONEDNN_MAX_CPU_ISA=AVX2,ATEN_CPU_CAPABILITY=default
SWITCHES := ONEDNN_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX512_CORE ATEN_CPU_CAPABILITY=default
CPUS ?= $(addprefix tests/,models losses methods contracts geometry inference evaluation training gallery)
CPUS_PART := tests/models tests/losses tests/inference/test_fast.py tests/evaluation/ranking

define with_each_switch
	@for switch in $(1); do \
	  echo "== with $$switch"; \
	  env $$(echo $$switch | tr ',' ' ') OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto $(2) || exit 1; \
	done
endef

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## the virtual environment, with the package and its tools

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Gaitbridge needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs,milvus]'
	@touch $@

demo: install ## simulate people, train DiffCrossGait, evaluate both ways, write the report (six minutes on two cores)
	$(BIN)/gaitbridge demo $(DEMO)

test: install ## ruff, mypy and the tests
	$(BIN)/ruff check
	$(BIN)/python -c 'from gaitbridge.simulation.body.anny import anny_model; anny_model("reduced")' & body=$$!; $(BIN)/mypy && wait $$body
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto
	$(call with_each_switch,$(OLD),$(CPUS_PART))

test-cpus: install ## the tests of numbers as on other processors; CPUS="tests/models" for some of them
	$(call with_each_switch,$(SWITCHES),$(CPUS))

docs: install ## the documentation site, build/docs/site/index.html; a link that leads nowhere fails
	$(BIN)/python docs/site/site_source.py build/docs/source
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --config-file build/docs/mkdocs.yml
	@echo build/docs/site/index.html

slow: install ## the studies of several minutes
	$(BIN)/python -m pytest -m slow -o faulthandler_timeout=0

campaigns: install ## kills at every place and damaged files, many times; NAMES="gallery training" COUNT=100 for some of them
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m campaigns $(NAMES) $(if $(COUNT),--count $(COUNT))

clean: ## remove the virtual environment and the demo
	rm -rf $(VENV) $(DEMO) build .mypy_cache .ruff_cache .pytest_cache
