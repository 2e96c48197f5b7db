# Each command is enough by itself on a machine with git, make and Python 3.11 or newer:
# it makes its own environment from the lock file.
PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
READY := $(VENV)/.ready
RUN := $(UV) run --frozen --no-sync

.PHONY: up test check bench

up: $(READY)
	$(VENV)/bin/hub up

test: $(READY)
	$(RUN) pytest -n 2 --dist worksteal

check: $(READY)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports --no-logo
	$(RUN) python -m hub.documentation --check

bench: $(READY)
	$(VENV)/bin/hub bench

$(UV):
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv

$(READY): pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --quiet
	touch $(READY)
