"""What a model's answer holds: JSON that satisfies a schema, tool calls, and actions written as JSON. The contract's names and shapes.

A session judges its answers in `verdicts.py`; this is for those who call a client themselves.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import JsonValue

from .exceptions import LLMConfigurationError, LLMResponseParsingError
from .json_text import JsonScan, json_documents, scan_json
from .models import LLMResponse, ToolCall
from .response_schemas import RESPONSE_SCHEMAS, JsonSchema
from .schema_check import SchemaCheck

Repair = Callable[[str], JsonValue]
"""Makes JSON of a text that almost is."""

_CUT_OFF = "the answer is cut off: raise max_tokens, or ask for a shorter one"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The document of an answer that was asked for, or the likeliest, and what is wrong with it."""

    document: JsonValue = None
    error: str | None = None
    problems: tuple[str, ...] = ()
    repaired: bool = False


class JSONSchemaValidator:
    """JSON schemas by name; references to schemas elsewhere are never fetched."""

    def __init__(self) -> None:
        self._schemas: dict[str, JsonSchema] = deepcopy(dict(RESPONSE_SCHEMAS))

    def validate(self, data: Any, name: str) -> Literal[True]:  # JSON
        """True; raises LLMResponseParsingError when the data does not satisfy the schema, or no schema has this name."""
        if problems := self.check(name).problems(data):
            raise LLMResponseParsingError(_mismatch(name, problems), expected_format=name, validation_errors=problems)
        return True

    def check(self, name: str) -> SchemaCheck:
        """What holds documents against the schema; raises LLMResponseParsingError when no schema has this name."""
        if name not in self._schemas:
            raise LLMResponseParsingError(f"unknown schema {name!r}; known: {', '.join(self._schemas)}", expected_format=name)
        return SchemaCheck(self._schemas[name], name)

    def register_schema(self, name: str, schema: JsonSchema) -> None:
        """Add a schema, or replace the one of this name; raises LLMConfigurationError when it is no JSON schema."""
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            message = f"schema {name!r} is not a JSON schema: {error.json_path}: {error.message}; see json-schema.org, draft 2020-12"
            raise LLMConfigurationError(message, "schema", name) from error
        self._schemas[name] = deepcopy(schema)

    def get_schema(self, name: str) -> JsonSchema | None:
        """The schema of this name, or None."""
        return deepcopy(self._schemas.get(name))

    def list_schemas(self) -> list[str]:
        """The names of all schemas, in the order of their registration."""
        return list(self._schemas)


class FunctionCallParser:
    """Tool calls and JSON in answers."""

    def extract_json_from_text(self, text: str) -> Any:  # any JSON
        """The JSON that the text most likely means, or None: fenced before bare, objects before other documents, then in order."""
        return next(iter(_candidates(scan_json(text or ""))), None)

    def parse_function_calls(self, response: LLMResponse) -> list[ToolCall]:
        """The answer's native function calls as tool calls still to be made."""
        return [ToolCall(call.name, dict(call.arguments), call.call_id) for call in response.function_calls or ()]

    def parse_tool_usage_from_text(self, text: str) -> dict[str, Any] | None:  # JSON, fixed by the contract
        """The first complete action, use_tool or final_answer, that is written as JSON in the text, or None."""
        actions = (_action(document) for document in json_documents(text or ""))
        return next((action for action in actions if action is not None), None)


class ResponseParser:
    """Reads answers; `repair`, such as `json_repairer()`, is asked only when nothing in an answer is what it should be."""

    def __init__(self, *, repair: Repair | None = None) -> None:
        self.json_validator = JSONSchemaValidator()
        self.function_parser = FunctionCallParser()
        self._repair = repair

    def parse_response(self, response: LLMResponse, expected_schema: str | None = None, extract_json: bool = True) -> dict[str, Any]:
        """All that the answer holds; a mismatch is told in `validation_error`, and only an unknown schema raises.

        Returns:
            content, function_calls, tool_calls, parsed_json (None if there is none) and validation_passed: whether parsed_json is
            there and satisfies the schema, if one is expected. JSON that needed a repair is marked by `repaired`: True.
        """
        reading = self._read(response, expected_schema) if extract_json else None
        parsed: dict[str, Any] = {
            "content": response.content or "",
            "function_calls": response.function_calls,
            "tool_calls": self.function_parser.parse_function_calls(response),
            "parsed_json": reading.document if reading else None,
            "validation_passed": reading is not None and reading.error is None,
        }
        if reading and reading.error:
            parsed["validation_error"] = reading.error
        return {**parsed, "repaired": True} if reading and reading.repaired else parsed

    def parse_reasoning_response(self, response: LLMResponse) -> dict[str, Any]:
        """The answer, held against the schema reasoning_result."""
        return self.parse_response(response, "reasoning_result")

    def parse_world_model_response(self, response: LLMResponse) -> dict[str, Any]:
        """The answer, held against the schema world_model_update."""
        return self.parse_response(response, "world_model_update")

    def parse_simulation_response(self, response: LLMResponse) -> dict[str, Any]:
        """The answer, held against the schema simulation_result."""
        return self.parse_response(response, "simulation_result")

    def parse_agentic_response(self, response: LLMResponse) -> dict[str, Any]:
        """The answer, held against the schema agentic_action, with the action that it asks for as `tool_usage`."""
        parsed = self.parse_response(response, "agentic_action")
        usage = self.function_parser.parse_tool_usage_from_text(response.content)
        return {**parsed, "tool_usage": usage, "agentic_validation_passed": parsed["validation_passed"]}

    def extract_structured_data(self, response: LLMResponse, schema: str, required_fields: list[str] | None = None) -> Any:
        """The answer's JSON, which satisfies the schema and has the fields; raises LLMResponseParsingError. Repairs nothing."""
        reading = self._find(response, schema)
        error, problems = reading.error, list(reading.problems)
        fields = reading.document if isinstance(reading.document, dict) else {}
        if error is None and (missing := [field for field in required_fields or () if field not in fields]):
            problems = [f"$: {field!r} is a required field" for field in missing]
            error = f"the answer lacks required fields: {', '.join(map(repr, missing))}"
        if error is not None:
            raise LLMResponseParsingError(error, response.content, schema, problems, model_name=response.model_name)
        return reading.document

    def register_custom_schema(self, name: str, schema: JsonSchema) -> None:
        """Add a schema, or replace the one of this name; raises LLMConfigurationError when it is no JSON schema."""
        self.json_validator.register_schema(name, schema)

    def get_available_schemas(self) -> list[str]:
        """The names of all schemas."""
        return self.json_validator.list_schemas()

    def _read(self, response: LLMResponse, schema: str | None) -> _Reading:
        reading = self._find(response, schema)
        if self._repair is None or reading.error is None:
            return reading
        repaired = (self._judged([document], schema) for document in _repaired(response.content or "", self._repair))
        return next((replace(found, repaired=True) for found in repaired if found.error is None), reading)

    def _find(self, response: LLMResponse, schema: str | None) -> _Reading:
        scan = scan_json(response.content or "")
        reading = self._judged(_candidates(scan), schema)
        if reading.error is not None and (scan.cut_off or response.finish_reason == "length"):
            return replace(reading, error=f"{_CUT_OFF} ({reading.error})")
        return reading

    def _judged(self, candidates: list[JsonValue], schema: str | None) -> _Reading:
        """The first that satisfies the schema, else the first."""
        check = self.json_validator.check(schema) if schema is not None else None
        if not candidates:
            return _Reading(error="the answer holds no JSON")
        document = check.likeliest(candidates) if check else candidates[0]
        problems = check.problems(document) if check else []
        error = _mismatch(schema, problems) if problems else None
        return _Reading(document=document, error=error, problems=tuple(problems))


def json_repairer() -> Repair:
    """A repair for `ResponseParser` by the json-repair library; raises LLMConfigurationError when that is not installed."""
    try:
        library = importlib.import_module("json_repair")
    except ImportError as error:
        message = "json-repair is not installed; install the extra: pip install 'polaris-llm[repair]'"
        raise LLMConfigurationError(message, "repair", "json-repair") from error
    repair: Repair = library.loads
    return repair


def _repaired(text: str, repair: Repair) -> Iterator[JsonValue]:
    with suppress(ValueError, RecursionError):
        for document in json_documents(json.dumps(repair(text))):  # what no log can keep is no document here either
            if isinstance(document, dict | list) and document:  # of prose, a repair makes nothing or a string
                yield document


def _candidates(scan: JsonScan) -> list[JsonValue]:
    return [*_objects_first(scan.fenced), *_objects_first(scan.bare)]


def _objects_first(documents: tuple[JsonValue, ...]) -> list[JsonValue]:
    return sorted(documents, key=lambda document: not isinstance(document, dict))


def _action(document: JsonValue) -> dict[str, Any] | None:  # JSON
    match document:
        case {"action": "use_tool", "tool_name": str(name), **rest}:
            parameters = rest.get("parameters", {})
            return {"action": "use_tool", "tool_name": name, "parameters": parameters} if isinstance(parameters, dict) else None
        case {"action": "final_answer", **rest}:
            said = {"result": rest.get("result"), "reasoning": rest.get("reasoning", ""), "confidence": rest.get("confidence", 0.5)}
            return {"action": "final_answer", **said}
        case _:
            return None


def _mismatch(schema: str | None, problems: list[str]) -> str:
    return f"the JSON does not satisfy the schema {schema!r}: {'; '.join(problems)}"
