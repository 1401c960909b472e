"""`polaris-llm` itself: its commands by their names."""

import click

from .commands import EXIT_CODES, LazyGroup

EPILOGUE = f"""\b
First steps, without a model and without a key:
  polaris-llm demo --engine inline --seeds 1 --periods 4
  polaris-llm ask "What is 6 times 7?" --tool calculator
  polaris-llm doctor
\b
With a model server of your own:
  polaris-llm chat --provider local --base-url http://127.0.0.1:8080/v1 --model NAME
\b
A runtime that others share:
  polaris-llm start --background --settings llm.yaml
  polaris-llm ask --connect "What is the load?" --tool my_tools:get_load
  polaris-llm sessions list
  polaris-llm stop

{EXIT_CODES}
Results go to stdout, all else to stderr. Nothing is coloured unless it goes to a terminal.
"""

COMMANDS = {
    "demo": "demo:demo",
    "run": "run:run",
    "ask": "ask:ask",
    "chat": "chat:chat",
    "start": "start:start",
    "stop": "start:stop",
    "status": "status:status",
    "sessions": "sessions:sessions",
    "tools": "tools:tools",
    "templates": "templates:templates",
    "config": "config:config",
    "doctor": "doctor:doctor",
}


@click.group(cls=LazyGroup, places=COMMANDS, epilog=EPILOGUE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="polaris-llm")
def main() -> None:
    """LLM agents as actors: on a Ray cluster, on this machine, or inside one process."""
