"""What the codecs of the package's own wires are made from. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..exceptions import LLMAPIError
from .api_errors import api_error
from .exchange import HttpCall, HttpReply
from .header_values import check_header_value


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCodec:
    """The base of codecs; raises LLMConfigurationError for a key that no header can carry."""

    provider: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    keep_raw: bool = False
    """Whether a response carries the server's own payload in `metadata["raw_response"]`, or its stream's events if none holds it all."""
    base_models: Mapping[str, str] = field(default_factory=dict)
    """What models were made from or deploy, by which it is judged what they take."""

    def __post_init__(self) -> None:
        check_header_value(self.provider, self.api_key)

    def base_model(self, model: str) -> str:
        """The model by which it is judged what a model takes."""
        return self.base_models.get(model, model)

    def decode_error(self, call: HttpCall, reply: HttpReply) -> LLMAPIError:
        """The error that a reply of any status but 2xx means."""
        return api_error(call, reply)
