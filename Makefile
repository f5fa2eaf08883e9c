# Everything a person or CI runs here. It needs Python 3.11 or newer with venv, and make; nothing else.
# `make` alone prints what there is.

PYTHON ?= python3
PORT ?= 8000
N ?= 50
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
REQUIREMENTS := requirements.txt requirements-embedded.txt requirements-dev.txt
COMPILE := $(BIN)/python -m uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
LANGUAGES := en

export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help setup screenshots demo up test test-long chaos chaos-hubs bench bench-ingest bench-load bench-overload bench-pages bench-relay bench-alert bench-ai check format schema messages requirements clean

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

setup: $(INSTALLED) ## virtual environment and dependencies, from the pinned and hashed lists

$(INSTALLED): $(REQUIREMENTS)
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON). Install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$($(PYTHON) --version) is too old: Python 3.11 or newer is needed. Say which: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing dependencies into $(VENV); this takes a minute or two ..."
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --use-pep517 --require-hashes \
		$(addprefix -r ,$(REQUIREMENTS))
	@touch $@

demo: setup ## the whole product with ten invented homes, at http://127.0.0.1:8000 (PORT=... for another)
	@exec $(BIN)/python manage.py up --port $(PORT) --seed demo --quiet

up: setup ## the whole product, empty; create_staff makes the first account
	@exec $(BIN)/python manage.py up --port $(PORT)

test: setup ## every test but the long ones
	@$(BIN)/python -m pytest -m "not long" -n 2 --dist loadscope --no-loadscope-reorder

test-long: setup ## the long tests: fuzzing, faults
	@$(BIN)/python -m pytest -m long

chaos: setup ## N faults at random under alarms: none lost, doubled or late; goes on where it was stopped (make chaos N=300)
	@$(BIN)/python -m tests.chaos.suite --faults $(N) --state var/chaos-$(N).json

chaos-hubs: setup ## SIGKILL N times web, and PostgreSQL N * 2/5 times, during ingest; every event is there once
	@ANBU_CHAOS_KILLS=$(N) $(BIN)/python -m pytest tests/chaos/test_kills_lose_no_event.py -q -s

bench: bench-ingest bench-load bench-overload bench-pages bench-relay bench-alert bench-ai ## every benchmark; ratios of one run, a few minutes

bench-ingest: setup ## events kept by a processor core, beside COPY and beside an endpoint that keeps nothing
	@$(BIN)/python -m benchmarks.bench_ingest --rounds 5 --out benchmarks/results/ingest-$$(date -u +%Y%m%d-%H%M).json

bench-relay: setup ## what a viewer of live video costs, beside Janus and beside aiortc's MediaRelay
	@$(BIN)/python -m benchmarks.bench_relay --out benchmarks/results/relay-$$(date -u +%Y%m%d-%H%M).json

bench-ai: setup ## seniors scored by a core-second, warm and cold, beside a task for each senior; a few minutes
	@$(BIN)/python -m benchmarks.bench_ai --out benchmarks/results/ai-$$(date -u +%Y%m%d-%H%M).json

bench-alert: setup ## from a pressed button to an open page, idle and under an ingest flood; 500 pages
	@$(BIN)/python -m benchmarks.bench_alert --out benchmarks/results/alert-$$(date -u +%Y%m%d-%H%M).json

bench-pages: setup ## what the staff's pages cost in a province, beside a thousand seniors and a view with one query
	@$(BIN)/python -m benchmarks.bench_pages --out benchmarks/results/pages-$$(date -u +%Y%m%d-%H%M).json

screenshots: setup ## every page of the demo that runs at PORT, into docs/screenshots (needs chromium)
	@PYTHONPATH=. $(BIN)/python tests/scripts/take_screenshots.py --url http://127.0.0.1:$(PORT)

bench-load: setup ## the sockets of 10,000 homes on one web process, for two minutes
	@$(BIN)/python -m benchmarks.bench_load --out benchmarks/results/load-$$(date -u +%Y%m%d-%H%M).json

bench-overload: setup ## three times what the backend can keep, for a minute: nothing accepted is missing
	@$(BIN)/python -m benchmarks.bench_overload --out benchmarks/results/overload-$$(date -u +%Y%m%d-%H%M).json

check: setup ## format, lint, types, migrations, architecture, translations, API schema
	@tests/scripts/check

format: setup ## format and mend what ruff can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

schema: setup ## write docs/openapi.yaml anew
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

messages: setup ## collect texts into the catalogues and compile them (needs gettext)
	@command -v xgettext >/dev/null || { echo "gettext is missing. On Debian and Ubuntu: apt install gettext"; exit 1; }
	@$(BIN)/python manage.py makemessages $(addprefix --locale ,$(LANGUAGES)) --no-location --no-obsolete \
		--ignore 'tests/*' --ignore 'var/*' --ignore '$(VENV)/*'
	@$(BIN)/python manage.py compilemessages $(addprefix --locale ,$(LANGUAGES)) --ignore $(VENV)

requirements: setup ## pin requirements*.in anew, with hashes
	@for name in $(basename $(REQUIREMENTS)); do echo "$$name.txt"; $(COMPILE) -o $$name.txt $$name.in || exit 1; done

clean: ## remove the virtual environment and caches; var/ with its data stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/timescaledb/node_modules
