# make demo        the terminal input demo
# make test        every test once, a part of them in all io modes and on all pollers
# make test-all    every test in all io modes, and on all pollers where one matters
# make test-busy   what `make test` runs, beside four busy loops
# make check       the whole gate (.ci/run)
# make docs        the documentation
# make stress      the long runs
# make bench             figures against peers, and their page's; ARGS="echo": one family's
# make bench-terminal    the terminal decoder against peers, and its page's figures
# make bench-pollers     select, poll, epoll and threads, and their page's figures
# make bench-against     this checkout against another one; BASE=../other
# make bench-watch       the file watcher against peers, and their page's figures
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip --quiet --quiet
RUN ?= pytest
JOBS ?= 3# tests at once: much of a test's time is spent on waiting

# -X dev for the processes that run the tests, too.
SPREAD = --tx "$(JOBS)*popen//python=$(BIN)/python -X dev" --dist load

.PHONY: demo test test-all test-busy check docs bench bench-terminal bench-pollers bench-watch bench-against stress clean

demo: $(VENV)/.run
	@$(BIN)/python demos/terminal_input.py $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -X dev -m $(RUN) $(SPREAD) $(ARGS)

test-all: $(VENV)/.dev
	$(BIN)/python -X dev -m $(RUN) $(SPREAD) --matrix=all $(ARGS)

test-busy: $(VENV)/.dev
	PYTHON=$(BIN)/python .ci/busy $(MAKE) test

check:
	.ci/run

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/.bench
	PYTHONPATH=tests $(BIN)/python -m bench.performance --docs docs/_static $(ARGS)

bench-terminal: $(VENV)/.bench-terminal
	PYTHONPATH=tests $(BIN)/python -m bench.bench_terminal --docs docs/_static $(ARGS)

bench-pollers: $(VENV)/.bench-terminal
	PYTHONPATH=tests $(BIN)/python -m bench.bench_pollers --docs docs/_static $(ARGS)

bench-watch: $(VENV)/.bench-watch
	PYTHONPATH=tests $(BIN)/python -m bench.bench_watch --docs docs/_static $(ARGS)

bench-against: $(VENV)/.run
	$(BIN)/python tests/bench/against.py --base $(BASE) $(ARGS)

stress: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python tests/bench/stress.py $(ARGS)

# What a demo needs is the package; what the tests need is the rest. Each says on stderr what
# it sets up, since that takes a while.
$(VENV)/.run: pyproject.toml
	@echo "Setting up $(VENV): evdispatch and what it needs" >&2
	@PYTHON="$(PYTHON)" sh .ci/venv "$(VENV)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "Setting up $(VENV): what the tests, the linters and the documentation need" >&2
	@$(PIP) install --group dev
	@touch $@

# The peers of `make bench`, and the following: the gate does without them.
$(VENV)/.bench: $(VENV)/.run
	@echo "Setting up $(VENV): the libraries that make bench compares with" >&2
	@$(PIP) install --group bench
	@touch $@

# The peers of the terminal decoder.
$(VENV)/.bench-terminal: $(VENV)/.run
	@echo "Setting up $(VENV): the terminal libraries to compare with" >&2
	@$(PIP) install --group bench-terminal
	@touch $@

# The peers of the file watcher.
$(VENV)/.bench-watch: $(VENV)/.run
	@echo "Setting up $(VENV): the file watchers to compare with" >&2
	@$(PIP) install --group bench-watch
	@touch $@

clean:
	rm -rf $(VENV) docs/_build dist .coverage* .mypy_cache .pytest_cache .ruff_cache
