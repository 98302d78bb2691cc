# Every command of the project; `make` alone lists them.
#
# One .venv, built from the hashed locks of requirements/. Stamps inside it are named after the
# content of the lock and the folder of the checkout: nothing is installed twice, and a lock that
# changed or a checkout that moved is noticed. uv is used where it is on the PATH, never needed.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

PYTHON ?= python3
ARGS ?=
SEEDS ?= 10000
WORKERS ?= 2
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# $(call key,FILES): a name for what is in FILES, in this folder.
key = $(shell (pwd; cat $(1)) | cksum | tr ' ' -)
# $(call usable,VENV): "yes" if the environment has a living interpreter, and a way to install.
usable = $(shell $(1)/bin/python -c "$(if $(UV),,import pip)" 2>/dev/null && echo yes)
# $(call install,VENV): the command that installs into VENV.
install = $(if $(UV),uv pip install --quiet --python $(1)/bin/python,$(1)/bin/python -m pip install --quiet)

RUN_LOCK := requirements/run.txt
DEV_LOCK := requirements/dev.txt
BENCH_LOCK := requirements/bench.txt
HOME_STAMP := $(VENV)/.home-$(call key,/dev/null)
RUN_STAMP := $(VENV)/.run-$(call key,$(RUN_LOCK))
DEV_STAMP := $(VENV)/.dev-$(call key,$(DEV_LOCK))
SELF_STAMP := $(VENV)/.self-$(call key,pyproject.toml)
BENCH_STAMP := $(BENCH)/.bench-$(call key,$(BENCH_LOCK))
# What was asked for decides which lock; the larger one serves for both.
NEEDS_DEV := $(filter-out help demo lock clean,$(MAKECMDGOALS))
LOCK_STAMP := $(if $(NEEDS_DEV)$(wildcard $(DEV_STAMP)),$(DEV_STAMP),$(RUN_STAMP))
BROKEN := $(if $(call usable,$(VENV)),,FORCE)
CODE := $(wildcard daemon tests benchmarks)

.PHONY: help demo test check lint format types imports wheel bench simulate mutants audit lock clean
.PHONY: ready FORCE

help: ## list these commands
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r name what; do printf '  make %-9s %s\n' "$$name" "$$what"; done

demo: ready ## watch firewarden look after a simulated account; Ctrl-C stops it
	@# On a terminal the demo gets its own foreground group (bash -m): Ctrl-C then reaches it and not
	@# make, which would report the interruption as a failure of its own.
	@if [ -t 0 ] && command -v bash >/dev/null; \
	  then exec bash -mc '$(BIN)/firewarden demo $(ARGS); exit $$?'; \
	  else exec $(BIN)/firewarden demo $(ARGS); fi

test: ready ## the whole test suite, in a random order; starts its own PostgreSQL
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: lint types imports wheel test ## everything that must hold before a change is pushed

lint: ready ## ruff: rules and format
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && echo "lint: clean"

format: ready ## rewrite the code as lint wants it
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format .

types: ready ## mypy --strict over the package and its tests
	@$(BIN)/mypy $(CODE)

imports: ready ## the layers and the one home of each library
	@$(BIN)/lint-imports --no-cache --no-logo

wheel: ready ## build the wheel, install it into a bare environment, run it there
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	$(BIN)/python -m hatchling build --target wheel --directory "$$dir" >/dev/null; \
	$(if $(UV),uv venv --quiet --python $(BIN)/python "$$dir/venv",$(BIN)/python -m venv "$$dir/venv"); \
	$(call install,"$$dir/venv") --require-hashes -r $(RUN_LOCK); \
	$(call install,"$$dir/venv") --no-deps "$$dir"/*.whl; \
	cd "$$dir" && venv/bin/firewarden --help >/dev/null && echo "wheel: $$(basename *.whl) installs, and firewarden --help runs"

bench: ready $(BENCH_STAMP) ## the figures to reach, beside their peers; fails when one is missed
	@$(BIN)/python -m benchmarks $(ARGS)

simulate: ready ## simulated days with faults and crashes; SEEDS=200 says how many
	@$(BIN)/python -m pytest -n $(WORKERS) tests/simulation --seeds=$(SEEDS) --whole-days $(ARGS)

mutants: ready ## take away defences, then change decide and metering a little: do the tests notice?
	@$(BIN)/python .ci/hand_mutants.py $(ARGS)
	@$(BIN)/python .ci/mutants.py $(PACKAGES)

audit: ready ## known holes in what is shipped, and its bill of materials (dist/sbom.json)
	@$(BIN)/python .ci/audit.py $(RUN_LOCK)

lock: ## resolve the locks again from pyproject.toml; UPGRADE=1 takes what is new
	@set -e; uv=$(UV); \
	if [ -z "$$uv" ]; then \
	  [ -x .venv-lock/bin/uv ] || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet uv; }; \
	  uv=.venv-lock/bin/uv; \
	fi; \
	compile() { out=$$1; shift; $$uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-config --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) -o "$$out" "$$@"; }; \
	compile $(DEV_LOCK) --group dev pyproject.toml; \
	compile $(RUN_LOCK) --group build --constraint $(DEV_LOCK) --no-annotate pyproject.toml; \
	compile $(BENCH_LOCK) --group pyproject.toml:bench

clean: ## remove environments, caches and build results
	@rm -rf $(VENV) $(BENCH) .venv-lock dist build mutants .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis .schemathesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready: $(LOCK_STAMP) $(SELF_STAMP)

# $(call new-venv,VENV)
define new-venv
	@rm -rf $(1)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "firewarden needs Python 3.11 or newer as $(PYTHON); make PYTHON=python3.12 names another" >&2; exit 1; }
	@$(if $(UV),,$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "firewarden needs Python's venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; })
	@$(if $(UV),uv venv --quiet --python $(PYTHON) $(1),$(PYTHON) -m venv $(1))
endef

$(HOME_STAMP): $(BROKEN)
	$(call new-venv,$(VENV))
	@touch $@

$(RUN_STAMP) $(DEV_STAMP): $(BROKEN) | $(HOME_STAMP)
	@echo "installing requirements/$(patsubst .%,%,$(firstword $(subst -, ,$(notdir $@)))).txt into $(VENV)"
	@rm -f $(VENV)/.run-* $(VENV)/.dev-*
	@$(call install,$(VENV)) --require-hashes -r requirements/$(patsubst .%,%,$(firstword $(subst -, ,$(notdir $@)))).txt
	@touch $@

# Both locks bring the tools that build this.
$(SELF_STAMP): $(BROKEN) | $(LOCK_STAMP)
	@rm -f $(VENV)/.self-*
	@$(call install,$(VENV)) --no-deps --no-build-isolation --editable .
	@touch $@

$(BENCH_STAMP): $(if $(call usable,$(BENCH)),,FORCE)
	$(call new-venv,$(BENCH))
	@echo "installing $(BENCH_LOCK) into $(BENCH)"
	@$(call install,$(BENCH)) --require-hashes -r $(BENCH_LOCK)
	@touch $@
