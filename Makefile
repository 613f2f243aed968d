# Two commands are enough: `make run` and `make test`. They need Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
TRANSLATIONS := clinic_portal/translations
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard $(TRANSLATIONS)/*/LC_MESSAGES/*.po))
PYTEST_ARGS ?= -n auto

# With compiled modules the portal starts in half the time, so a machine's wish for none is not passed on.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check format bench translations screenshots clean browser audit
.DELETE_ON_ERROR:
.NOTPARALLEL:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed-run $(CATALOGUES) ## the portal with a demo clinic; Ctrl-C stops all of it
	@$(PY) wsgi.py

test: $(VENV)/.installed-dev $(CATALOGUES) browser ## all tests (PYTEST_ARGS="tests/booking -x" for some)
	@$(PY) -m pytest $(PYTEST_ARGS)

check: $(VENV)/.installed-dev audit ## style, types, layers, templates, dependencies
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint templates --lint --quiet
	$(VENV)/bin/deptry .

format: $(VENV)/.installed-dev ## write code and templates in the house's format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.installed-dev $(CATALOGUES) ## measure, each beside a baseline
	@$(PY) -m bench

translations: $(VENV)/.installed-dev ## collect the words of code and templates, and compile the catalogues
	$(VENV)/bin/pybabel extract -F babel.cfg --no-location --sort-output --omit-header -k lazy_gettext -k _l \
	  -o $(TRANSLATIONS)/messages.pot .
	$(VENV)/bin/pybabel update -i $(TRANSLATIONS)/messages.pot -d $(TRANSLATIONS) --no-fuzzy-matching
	$(VENV)/bin/pybabel compile -d $(TRANSLATIONS) --statistics

screenshots: $(VENV)/.installed-dev $(CATALOGUES) browser ## the README's pictures, from the running program
	@PYTHONPATH=. $(PY) docs/screenshots.py

clean: ## remove the virtual environment, the demo clinic's data and all caches
	@if [ -s var/owner.lock ] && kill -0 "$$(cat var/owner.lock)" 2>/dev/null; then \
	  echo "make run is still running (process $$(cat var/owner.lock)): stop it first."; exit 1; fi
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-results $(CATALOGUES)

# --- what the commands stand on

$(PY):
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, or say where" \
	  "one is: make PYTHON=/path/to/python3.12 …"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is" \
	  "$$("$(PYTHON)" --version): 3.11 or newer is needed. Say where one is: make PYTHON=/path/to/python3.12 …"; exit 1; }
	@"$(PYTHON)" -m venv --clear $(VENV) || { rm -rf $(VENV); echo "This Python cannot make a virtual environment" \
	  "(on Debian and Ubuntu: apt install python3-venv)."; exit 1; }

# The development packages hold those that run, in the same versions, so one of the two stamps is enough to run.
$(VENV)/.installed-run: requirements.txt | $(PY)
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt | $(PY)
	@$(call install,requirements-dev.txt)
	@touch $(VENV)/.installed-run $@

# uv installs in seconds what takes pip a minute; it comes from the same locked, hashed list. Without it pip does all.
define install
	echo "Installing the packages of $(1) …"; \
	if [ ! -x $(VENV)/bin/uv ]; then \
	  awk '/^uv==/ { found = 1 } found { print } found && !/\\$$/ { exit }' requirements-dev.txt > $(VENV)/uv.txt; \
	  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt 2>/dev/null || true; \
	fi; \
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r $(1) 2>$(VENV)/uv.log \
	  || $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
endef

%.mo: %.po | $(VENV)/.installed-run
	@$(VENV)/bin/pybabel --quiet compile -i $< -o $@ -l $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))

# A Chromium that is there, else Debian's as root (it brings the libraries that it needs), else Playwright's own.
browser: $(VENV)/.installed-dev
	@if [ -n "$$CHROMIUM_PATH" ]; then [ -x "$$CHROMIUM_PATH" ] && exit 0; echo "CHROMIUM_PATH is not a program."; exit 1; fi; \
	for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian's chromium for the browser tests …"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
	    >$(VENV)/chromium.log 2>&1 && command -v chromium >/dev/null && exit 0; fi; \
	$(PY) -m playwright install chromium >$(VENV)/playwright.log 2>&1 && exit 0; \
	echo "There is no Chromium for the browser tests, and none could be got. Install one (Debian: apt install chromium;"; \
	echo "elsewhere: Google Chrome, or $(VENV)/bin/playwright install --with-deps chromium), or set CHROMIUM_PATH to one."; \
	[ -z "$$CI" ]

# Known vulnerabilities stop the check; a database that cannot be reached within a minute does not.
define AUDIT
import json, subprocess, sys
command = [".venv/bin/pip-audit", "-r", "requirements.txt", "--require-hashes", "--disable-pip", "-f", "json",
           "--progress-spinner", "off", "--timeout", "10"]
try:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    packages = json.loads(done.stdout)["dependencies"]
except (subprocess.TimeoutExpired, ValueError):
    packages = []
looked_up = [package for package in packages if "skip_reason" not in package]
if not looked_up:
    sys.exit(print("pip-audit: skipped, its database cannot be reached"))
bad = [f"{package['name']} {package['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'no version'}"
       for package in looked_up for found in package["vulns"]]
print(f"pip-audit: {len(looked_up)} packages looked up, {len(bad)} vulnerabilities", *bad, sep="\n  ")
sys.exit(bool(bad))
endef
export AUDIT

audit: $(VENV)/.installed-dev
	@$(PY) -c "$$AUDIT"
