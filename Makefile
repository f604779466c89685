# make setup   a virtual environment, libopus and speech; does nothing the second time
# make demo    a first run with receivers one could ship, from a bare machine to its answer and report
# make test    every test but the long ones
# make test-long   the long ones: simulations of the statistics, many faults
# make lint    style and types
# make docs    the documentation, build/docs/index.html
# make picture   the README's picture again: runs its scenario; minutes
# make clean   removes what these made here (what was fetched and built stays in the user's cache)

BIN := .venv/bin
ROOMS := codecs channels kernels reports scenarios
PIP_FLAGS := --disable-pip-version-check --quiet --use-pep517 --retries 5 --timeout 60
CACHE := $(or $(TESTBED_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/speech-testbed)
export PYTHONNOUSERSITE := 1

# A stamp is worth nothing without what it stands for.
$(shell test -e "$(CACHE)/opus/current/libopus.so" || rm -f .venv/opus.stamp)
$(shell ls "$(CACHE)"/speech/asterisk-*/index.json >/dev/null 2>&1 || rm -f .venv/speech.stamp)

.PHONY: setup demo test test-long lint docs picture clean

setup: .venv/package.stamp .venv/opus.stamp .venv/speech.stamp

demo: setup
	@$(BIN)/testbed run demo

test: setup
	$(BIN)/pytest -n 2

test-long: setup
	$(BIN)/pytest -n 2 -m long

lint: .venv/package.stamp build/types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache -p testbed

docs: .venv/package.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

picture: setup
	$(BIN)/python docs/_generate/picture.py

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find testbed $(ROOMS) tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@sh .ci/new-venv "$(PYTHON)" .venv

.venv/package.stamp: pyproject.toml | .venv/bin/python
	@echo "Installing the package and its tools into .venv ..."
	@$(BIN)/pip install $(PIP_FLAGS) --editable '.[dev]'
	@touch $@

.venv/opus.stamp: codecs/opus/build.py codecs/opus/source.py | .venv/package.stamp
	@$(BIN)/testbed opus build
	@touch $@

.venv/speech.stamp: testbed/speech_corpus.py | .venv/package.stamp
	@$(BIN)/testbed speech fetch
	@touch $@

# mypy finds packages by folder, and the rooms stand beside `testbed/`, not in it.
build/types: $(filter-out %/__pycache__/,$(wildcard testbed/ $(ROOMS:%=%/)))
	@rm -rf $@ && mkdir -p $@/testbed
	@for file in testbed/*; do ln -s "../../../$$file" "$@/$$file"; done
	@for room in $(ROOMS); do ln -s "../../../$$room" "$@/testbed/$$room"; done
