"""Values held against one JSON schema, whose validator is built once. References to schemas elsewhere are never fetched."""

from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import JsonValue
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from .exceptions import LLMConfigurationError

MAX_PROBLEMS = 5
_TOO_DEEP = "$: nested too deeply to be held against the schema"


class SchemaCheck:
    """Raises LLMConfigurationError where the schema refers to what it does not hold."""

    def __init__(self, schema: dict[str, Any], name: str = "result_schema") -> None:  # a JSON schema
        self._validator = Draft202012Validator(schema, registry=EMPTY_REGISTRY)  # the default one fetches what a schema refers to
        self._name = name

    def holds(self, value: JsonValue) -> bool:
        """Whether the value satisfies the schema."""
        try:
            return bool(self._validator.is_valid(value))
        except RecursionError:  # the schema refers to itself, and the value is as deep
            return False
        except Unresolvable as error:
            raise self._unresolved(error) from error

    def problems(self, value: JsonValue) -> list[str]:
        """One line for each violation: where in the value, and why; at most five."""
        try:
            errors = sorted(self._validator.iter_errors(value), key=lambda error: error.json_path)
        except RecursionError:
            return [_TOO_DEEP]
        except Unresolvable as error:
            raise self._unresolved(error) from error
        return [f"{error.json_path}: {error.message[:200]}" for error in errors[:MAX_PROBLEMS]]

    def likeliest(self, values: Sequence[JsonValue]) -> JsonValue:
        """The first that satisfies the schema, else the first: only one has its problems told, however many there are."""
        return next((value for value in values if self.holds(value)), values[0])

    def _unresolved(self, error: Unresolvable) -> LLMConfigurationError:
        message = f"schema {self._name!r} refers to {error.ref!r}, which it does not hold; define it under its $defs"
        return LLMConfigurationError(message, "schema", self._name)
