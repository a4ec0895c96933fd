# make demo    the terminal input demo          make test    the tests
# make check   the whole gate (.ci/run)         make docs    the documentation
# make bench   figures against peers            make stress  the long runs
# make bench-terminal    the terminal decoder against peers, and its page's figures
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= pytest

.PHONY: demo test check docs bench bench-terminal stress clean

demo: $(VENV)/.run
	@$(BIN)/python demos/terminal_input.py $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -X dev -m $(RUN) $(ARGS)

check:
	.ci/run

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/.dev
	$(BIN)/python tests/bench/bench_dispatch.py $(ARGS)
	$(BIN)/python tests/bench/bench_timers.py

bench-terminal: $(VENV)/.bench-terminal
	PYTHONPATH=tests $(BIN)/python -m bench.bench_terminal --docs docs/_static $(ARGS)

stress: $(VENV)/.dev
	$(BIN)/python tests/bench/stress.py $(ARGS)

# What a demo needs is the package; what the tests need is the rest.
$(VENV)/.run: pyproject.toml
	@PYTHON="$(PYTHON)" sh .ci/venv "$(VENV)"
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# The peers of the terminal decoder: the gate does without them.
$(VENV)/.bench-terminal: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --group bench-terminal
	@touch $@

clean:
	rm -rf $(VENV) docs/_build dist .coverage* .mypy_cache .pytest_cache .ruff_cache
