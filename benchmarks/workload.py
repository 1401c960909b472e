"""What every session of W1 and W2 does, whoever runs it: four additions by a calculator, one call a turn, then an answer.

Only the standard library: the peers' environment has no polaris-llm.
"""

CALLS = 4
TURNS = CALLS + 1
"""Model calls of a session."""
ANSWER = "The total is 10."
MODEL_LATENCY_S = 0.2
"""Of every model call in W2."""


def arguments(done: int) -> dict[str, str | int]:
    """What the model gives to the calculator after so many calls."""
    return {"operation": "add", "a": done * (done + 1) // 2, "b": done + 1}


def objective(number: int, kilobytes: float = 0) -> str:
    """A prompt of its own for every session."""
    filler = "Known facts of the system follow. " * int(kilobytes * 1000 / 34)
    return f"Session {number}: add the numbers 1, 2, 3 and 4 with the calculator, one after another, then report the total.\n{filler}"
