# Needs Python >= 3.11, make and a package index. Every target installs what it needs and is quick the second time.

VENV := .venv
BIN := $(VENV)/bin
# Each file is newer than the lock it was installed from. Both use one environment: the tools are added to the portal.
PORTAL := $(VENV)/installed-portal
TOOLS := $(VENV)/installed-tools
# `make lock` writes them for every platform; pip chooses what fits.
PORTAL_LOCK := requirements/portal.lock
ALL_LOCK := requirements/all.lock
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
CODE := src tests $(if $(wildcard bench/*.py),bench)
# Tests run in parallel, with two processes more than there are cores, since the tests of drills, the lab and the rehearsal
# wait for much of their time. A file stays on one process, so that its servers are started once.
WORKERS ?= 4
# Containers often set it. Each of the thousand processes of the tests would then compile everything again.
unexport PYTHONDONTWRITEBYTECODE

# Use the first Python that is new enough and can create environments; PYTHON=... chooses another.
SUITABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
ifdef PYTHON
CANDIDATES := $(PYTHON)
else
CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3 python
endif

.DEFAULT_GOAL := help
.PHONY: help setup run test torture check bench lock clean
# Remove the target of a failed recipe.
.DELETE_ON_ERROR:

help: ## List these commands
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: $(TOOLS) ## Install everything that is locked into .venv

$(PORTAL): $(PORTAL_LOCK) pyproject.toml
	@set -e; \
	python=""; \
	for candidate in $(CANDIDATES); do \
		if "$$candidate" -c '$(SUITABLE)' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Festgate needs Python 3.11 or newer with its venv module; none of these is: $(CANDIDATES)." >&2; \
		exit 1; \
	fi; \
	rm -f $(PORTAL) $(TOOLS); \
	"$(BIN)/python" -c '$(SUITABLE)' 2>/dev/null || "$$python" -m venv --clear $(VENV); \
	echo "Installing the portal into $(VENV) (some seconds, once)."
	@# A lock names every package, so pip resolves nothing. Python compiles what is imported at the first start.
	@$(PIP) install --no-compile --no-deps --require-hashes --requirement $(PORTAL_LOCK)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(PORTAL)

$(TOOLS): $(ALL_LOCK) $(PORTAL)
	@echo "Adding the rehearsal, the lab and the tools of development (a minute or two, once)."
	@$(PIP) install --no-deps --require-hashes --requirement $(ALL_LOCK)
	@touch $(TOOLS)

run: $(PORTAL) ## Open the demo fest
	@exec $(BIN)/festgate serve --demo $(ARGS)

test: setup ## Run the tests, with a real browser and a real PostgreSQL (ARGS="-k seats" for some)
	@CHROMIUM="$$($(BIN)/python -m tests.rig.find_browser)" && export CHROMIUM && \
		exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

torture: setup ## Attack the portal on both databases for up to two hours: kills, races, hostile requests
	@CHROMIUM="$$($(BIN)/python -m tests.rig.find_browser)" && export CHROMIUM && \
		TORTURE=1 exec $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m torture $(ARGS)

check: setup ## Check format, lint, types, imports, dependencies and docs, without a running server
	@$(MAKE) --no-print-directory --jobs=2 $(SYNC) $(CHECKS)

# mypy takes nine tenths of the time, each run on one core.
CHECKS := $(addprefix check-,format lint types types-win32 types-darwin imports dependencies docs)
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
.PHONY: $(CHECKS)

check-format:
	$(BIN)/ruff format --check .

check-lint:
	$(BIN)/ruff check .

check-types:
	$(BIN)/mypy $(CODE)

check-types-win32 check-types-darwin: check-types-%:
	$(BIN)/mypy --platform $* --no-warn-unreachable --cache-dir .mypy_cache/$* src

check-imports:
	$(BIN)/lint-imports --no-logo

check-dependencies:
	$(BIN)/deptry src
	$(BIN)/deptry --ignore DEP002,DEP004 --exclude '\.venv' $(filter-out src,$(CODE))

check-docs:
	$(BIN)/python -m pytest --quiet -p no:cacheprovider tests/rules -k docs

bench: setup ## Measure the portal beside its limit, as ratios of one run
	@exec $(BIN)/python -m bench $(ARGS)

# uv only resolves, so it is no dependency: it is installed into a temporary environment. datasette names pip as a
# dependency, but every environment brings its own.
lock: $(PORTAL) ## Rewrite the lock files: new packages only, or all of them with UPGRADE=1
	@set -e; tool="$$(mktemp -d)"; trap 'rm -rf "$$tool"' EXIT; \
	$(BIN)/python -m venv "$$tool"; \
	"$$tool/bin/python" -m pip --disable-pip-version-check --no-input -qq install uv; \
	options="--quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-package pip"; \
	"$$tool/bin/uv" pip compile pyproject.toml $$options --all-extras --group dev \
		$(if $(UPGRADE),--upgrade) --output-file $(ALL_LOCK); \
	"$$tool/bin/uv" pip compile pyproject.toml $$options --group build \
		--constraint $(ALL_LOCK) --output-file $(PORTAL_LOCK)

clean: ## Remove what make created, and never the data of a fest
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
