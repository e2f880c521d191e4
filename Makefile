# Everything a person needs on a machine with make and python3 (3.11 or newer, with venv).
# Nothing is written outside this folder. `PYTHON=python3.13 make setup` picks another interpreter.

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
ARGS ?=
# Tests at a time: the long ones, which begin first, wait half of their time.
PROCESSES ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); expr $$cores + 1 \& $$cores \< 3 \| 4)
# Where bytecode may not be kept, each start of a command compiles two thousand modules anew: two seconds of it.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults faults-long soak fuzz check format up bench lock pictures secrets

help: ## Show what can be done here
	@echo "Pressrun. Start with: make demo"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1|\2/p' Makefile | awk -F '|' '{ printf "%-16s %s\n", $$1, $$2 }'

setup: $(READY) ## Make .venv with everything in it (uses uv when it is installed)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Pressrun needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Try: make setup PYTHON=python3.13" >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || rm -rf .venv
	@if command -v uv >/dev/null; then \
		{ test -d .venv || uv venv --quiet --python "$$(command -v $(PYTHON))" .venv; } && \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		{ test -d .venv || $(PYTHON) -m venv .venv || { rm -rf .venv; \
			echo "python3 cannot make virtual environments here. On Debian: apt-get install python3-venv" >&2; exit 1; }; } && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $(READY)

demo: setup ## Send the sample issue to 2,000 people of ours and balance the books (under a minute)
	$(BIN)/pressrun demo

up: setup ## Run everything on this machine: pages on http://127.0.0.1:8000, Ctrl-C ends it
	$(BIN)/pressrun up $(ARGS)

test: setup ## Run all tests, several files at once; pick some with ARGS="tests/unit -k bounce"
	$(BIN)/pytest --numprocesses=$(PROCESSES) --dist=loadfile --no-loadscope-reorder $(ARGS)

faults: setup ## Kill, cut and starve what sends, fifteen times as fast as in life
	$(BIN)/pytest tests/e2e/faults $(ARGS)

faults-long: setup ## Faults in their real time, and kills at full speed: about forty minutes
	$(BIN)/pytest tests/e2e/faults -m long --verbose $(ARGS)

soak: setup ## Faults by chance for MINUTES=10; SEED=… repeats a mix
	MINUTES=$(or $(MINUTES),10) SEED=$(or $(SEED),0) $(BIN)/pytest tests/e2e/faults/test_soak.py -s -q

fuzz: setup ## Try to break what reads hostile mail for SECONDS=600; what breaks it is kept below var/fuzz/findings
	$(BIN)/python tests/fuzz/fuzz.py $(or $(SECONDS),600) $(ARGS)

check: setup ## Lint, types, import contracts, house rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q tests/unit/test_architecture.py

format: setup ## Let ruff put the code in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup ## Measure against postfix's sink; one of them with ARGS="deliver --json"
	$(BIN)/python -m bench $(ARGS)

pictures: setup ## Make the pictures of the README anew (needs chromium)
	$(BIN)/python docs/make_pictures.py

secrets: ## Write the secrets that docker-compose.yml reads, once; existing ones stay
	@mkdir -p var && mkdir -p -m 700 var/secrets
	@for name in database_password secret_key; do \
		test -s var/secrets/$$name || head -c 48 /dev/urandom | base64 -w 0 | tr '+/' '-_' > var/secrets/$$name; done
	@test -s var/secrets/smtp_url || echo 'smtp://mailpit:1025?starttls=never' > var/secrets/smtp_url
	@chmod 644 var/secrets/*
	@echo "In var/secrets: $$(ls var/secrets | tr '\n' ' ')"

lock: ## Pin every dependency with its hashes (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" pyproject.toml --group dev -o requirements.lock
