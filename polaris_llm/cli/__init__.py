"""The command line: `polaris-llm`. Each command, or group of commands, has a file of its own; `program.py` puts them together."""

from .program import main as main
