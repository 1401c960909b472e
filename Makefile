# Every target sets itself up in .venv and needs only Python 3.11 or newer; choose one with PYTHON=...
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
BIN := .venv/bin
STAMP := .venv/.installed
PEERS := .venv-peers/.installed

.PHONY: demo test test-real-model bench bench-peers wheel clean
.DELETE_ON_ERROR:

demo: $(STAMP)
	$(BIN)/polaris-llm demo

test: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

# Against a model server that is running: llama.cpp's at http://127.0.0.1:18080, or POLARIS_REAL_MODEL_URL
test-real-model: $(STAMP)
	$(BIN)/pytest tests/real_model -rs -v

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# Beside AutoGen, LangGraph and OpenAI's SDK, which live in .venv-peers
bench-peers: $(STAMP) $(PEERS)
	$(BIN)/python -m benchmarks.peers

wheel: $(STAMP)
	rm -rf dist
	$(BIN)/python -m build --no-isolation --wheel --outdir dist .
	cp constraints.txt cluster-settings.yaml dist

$(STAMP): pyproject.toml constraints.txt
	@for python in $(PYTHONS); do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "$$python -m venv .venv"; exec $$python -m venv .venv; \
	    fi; \
	done; echo 'no Python 3.11 or newer among: $(PYTHONS); name one with make PYTHON=...' >&2; exit 1
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(PEERS): benchmarks/peers/constraints.txt | $(STAMP)
	$(BIN)/python -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --constraint $< \
	    autogen-core 'autogen-ext[grpc]' langgraph openai psutil
	@touch $@

clean:
	rm -rf .venv .venv-peers build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
