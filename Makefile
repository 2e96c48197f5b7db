# Each command is enough by itself on a machine with git, make and Python 3.11 or newer:
# it makes its own environment from the lock file.
PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
READY := $(VENV)/.ready
BROWSER := $(VENV)/.browser
RUN := $(UV) run --frozen --no-sync

.PHONY: up test check bench faults smoke-compose soak audit sbom screenshots

up: $(READY)
	$(VENV)/bin/hub up

test: $(READY) $(BROWSER)
	$(RUN) pytest -n 2 --dist worksteal

# FOR_S=3600 for an hour, SEED=n for what happened under that seed
# EXAMPLES=n for so many requests of each kind to every operation of the API
FOR_S ?= 120
EXAMPLES ?= 100
faults: $(READY)
	HUB_TEST_FAULTS_S=$(FOR_S) HUB_TEST_BATCH_RECORDS=100000 HUB_TEST_BATCH_KILLS=10 \
		HUB_TEST_DATASET_ROWS=100000 HUB_TEST_DATASET_KILLS=30 \
		$(RUN) pytest tests/faults/test_random_faults.py tests/faults/test_batches.py \
		tests/faults/test_datasets.py \
		$(if $(SEED),--randomly-seed=$(SEED))
	HUB_TEST_API_EXAMPLES=$(EXAMPLES) $(RUN) pytest --timeout 600 tests/web/test_every_operation.py \
		$(if $(SEED),--randomly-seed=$(SEED))

check: $(READY)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports --no-logo
	$(RUN) python -m hub.documentation --check
	.ci/audit

# known vulnerabilities of what uv.lock pins; AUDIT_REQUIRED=1 fails where nobody can be asked
audit: $(READY)
	.ci/audit

# what the hub is made of, as CycloneDX
sbom: $(READY)
	mkdir -p dist
	$(UV) export --frozen --no-dev --quiet --format cyclonedx1.5 --output-file dist/sbom.json

# half of the capacity for half an hour on each database; fails where memory or the queue grows
MINUTES ?= 30
soak: $(READY)
	$(RUN) python -m hub.bench.soak --minutes $(MINUTES) --ledger sqlite
	$(RUN) python -m hub.bench.soak --minutes $(MINUTES) --ledger postgresql

# needs a Docker engine: builds the containers, kills each of them while events come in
smoke-compose:
	PYTHON=$(PYTHON) deploy/smoke-compose.sh

# the pictures in docs/images, made anew
screenshots: $(READY) $(BROWSER)
	$(RUN) python -m tests.browser.screenshots

bench: $(READY)
	$(VENV)/bin/hub bench

$(UV):
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv

# a Chromium for tests/browser: one that is there, else the system's, else Playwright's own
$(BROWSER): | $(READY)
	chromium --version || chromium-browser --version || google-chrome --version \
		|| { apt-get update && apt-get install --yes chromium && chromium --version; } \
		|| $(RUN) playwright install chromium
	touch $(BROWSER)

$(READY): pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --quiet
	touch $(READY)
