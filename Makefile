# Needs Python >= 3.11 and make; everything else goes into .venv. Another interpreter: make test PYTHON=python3.12
.DEFAULT_GOAL := help
.PHONY: help setup demo test check format clean

PYTHON ?= $(firstword $(foreach name,python3 python3.12 python3.11 python3.13 python,\
	$(shell $(name) -c 'import sys; print("$(name)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
VENV := .venv
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
OFFLINE := HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
JOBS ?= 2
ARGS ?=

help:  ## show the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

setup: $(VENV)/dragoman  ## make .venv with Dragoman in it

demo: $(VENV)/dragoman  ## run the main job on the embedded model and text (minutes); ARGS="--seed 2"
	$(VENV)/bin/dragoman demo $(ARGS)

test: $(VENV)/dragoman-dev  ## pass the tests; ARGS="tests/tune -k resume", JOBS=8
	$(OFFLINE) $(VENV)/bin/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: $(VENV)/dragoman-dev  ## lint, format and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(VENV)/dragoman-dev  ## let ruff mend what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:  ## delete .venv and caches; runs/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The two files say what is installed; a change of pyproject.toml or of a pin installs again.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 found; install one, or say make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/dragoman: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/dragoman-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/dragoman
