# `make book` and `make test` need Python >= 3.10 and make; everything else they install into $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help book site offline pdf serve test notebooks students rehearse lint benchmarks runtimes mutants compiled address clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

book: $(STAMP) site  ## make the environment and build the site into _build/html
	@echo "The book is in _build/html: open _build/html/index.html, or run 'make serve'."

site:
	$(BIN)/jupyter-book build -q -W -n --keep-going .

offline: book  ## the site as one file to hand on: _build/loss-book-offline.zip; unpack it and open index.html
	cd _build && rm -f loss-book-offline.zip && ../$(BIN)/python -m zipfile -c loss-book-offline.zip html/
	@ls -l _build/loss-book-offline.zip

pdf: book  ## the book on paper: _build/loss-book.pdf (needs Chromium)
	$(BIN)/python tools/paper.py

serve:  ## serve the built site on http://localhost:8000 (PORT=… for another port)
	$(BIN)/python tools/serve.py --port $(PORT)

test: $(STAMP)  ## everything that proves the project, with one summary at the end
	$(BIN)/python tools/prove.py

notebooks: $(STAMP)  ## execute all notebooks and normalise them (NB=path for one)
	$(BIN)/python tools/notebooks.py run $(NB)

students: $(STAMP)  ## copies of the sections without solutions, in _build/students (TO=folder for another)
	$(BIN)/python tools/students.py $(TO)

rehearse: $(STAMP)  ## run every notebook as Colab would: fresh environment, empty folder, ipywidgets 8 and 7.7
	$(BIN)/python tools/rehearse.py --all

lint: $(STAMP)  ## ruff over code and notebooks
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

benchmarks:  ## time every loss against torch and other libraries, in an environment of its own (10 minutes)
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet -r benchmarks/requirements.txt
	.venv-bench/bin/python -W ignore -m benchmarks.run

runtimes: $(STAMP)  ## time every notebook and write the book's table of it (5 minutes; NB=path for one)
	$(BIN)/python tools/runtimes.py $(NB)

mutants: $(STAMP)  ## break a module in every small way and see what its tests overlook (MODULE=regression)
	$(BIN)/python -m pip install --quiet -r tests/mutants/requirements.txt
	$(BIN)/python tools/mutants.py $(MODULE)

compiled: $(STAMP)  ## every loss under torch.compile with inductor (needs a C++ compiler)
	TORCHINDUCTOR_FORCE_DISABLE_CACHES=1 $(BIN)/python -m pytest -q tests/compiled.py

address: $(STAMP)  ## show the repository's address, or change it everywhere (URL=https://…)
	$(BIN)/python tools/address.py $(URL)

clean:  ## remove what was built, not the environment
	rm -rf _build build dist *.egg-info
