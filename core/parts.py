"""Typed parts of the messages that go to and come from a model. Values only: wire spellings live in the codecs."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator, JsonValue, TypeAdapter

from .pickling import Remembering, pickled_by_fields, pickled_once

ProviderData = dict[str, JsonValue]
"""What one provider attached to a part and must get back unchanged, by provider name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Text that a person or a model wrote."""

    text: str
    provider_data: ProviderData | None = None
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningPart:
    """What a model thought; the signature must travel back with it unchanged."""

    text: str
    signature: str | None = None
    provider_data: ProviderData | None = None
    kind: Literal["reasoning"] = "reasoning"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallPart:
    """A model's wish to run a tool."""

    call_id: str
    name: str
    arguments: dict[str, JsonValue]
    malformed: str | None = None
    """The arguments as the model wrote them, when they are not a JSON object; `arguments` is then empty."""
    provider_data: ProviderData | None = None
    kind: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultPart:
    """What a tool answered; `call_id` is that of the call it answers."""

    call_id: str
    name: str
    content: JsonValue
    is_error: bool = False
    kind: Literal["tool_result"] = "tool_result"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePart:
    """An image, either as base64 `data` or by `url`."""

    media_type: str
    data: str | None = None
    url: str | None = None
    kind: Literal["image"] = "image"


Part = Annotated[TextPart | ReasoningPart | ToolCallPart | ToolResultPart | ImagePart, Discriminator("kind")]
PART: TypeAdapter[Part] = TypeAdapter(Part)

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMessage(Remembering):
    """One message of the history that a model sees."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All text parts, joined without a separator."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The tool calls, in the order the model gave them."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))


MODEL_MESSAGE: TypeAdapter[ModelMessage] = TypeAdapter(ModelMessage)


def text_message(role: Role, text: str) -> ModelMessage:
    """A message of one text part."""
    return ModelMessage(role=role, parts=(TextPart(text=text),))


pickled_by_fields(TextPart, ReasoningPart, ToolCallPart, ToolResultPart, ImagePart)
pickled_once(ModelMessage)
