"""What answers of all providers took and cost, over every wire: one normal form, whole and streamed alike, and no price that is a guess."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.pricing import COST, PER_TOKENS, price_library
from polaris_llm.core.stream_folding import fold
from polaris_llm.core.usage import Usage
from support.cases import HELLO, Case, events_of
from support.forward_proxy import ForwardProxy
from support.model_requests import CALL, WEATHER, a_request
from support.openai_server import OpenAIServer, as_json

from .conftest import Authority

pytestmark = pytest.mark.anyio

SPENT = Usage(input_tokens=1_000, cache_read_tokens=300, cache_write_tokens=200, output_tokens=90, reasoning_tokens=40)
SAID = replace(HELLO, usage=SPENT)
PRICED = {"openai": "gpt-4o", "azure": "gpt-4o", "anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-pro"}
"""A model of each provider that genai-prices knows."""
BY_NAME = {"openai": "ft:gpt-4o:farm::x1", "google": "models/gemini-2.5-pro"}
"""Names that tell what a model was made from."""


def counted(case: Case) -> Usage:
    """What the server says that was spent, in the normal form."""
    return SPENT if case.dialect.tells_cache_writes else replace(SPENT, cache_write_tokens=0)


def price_of(case: Case, model: str) -> float | None:
    """What the library says that it costs."""
    library, spent = price_library(), counted(case)
    assert library is not None
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    usage = library.Usage(**{name: getattr(spent, name) for name in names})
    return float(library.calc_price(usage, model, provider_id=case.provider).total_price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """Answers of one case, asked at its home."""

    case: Case
    server: OpenAIServer
    settings: dict[str, Any]

    async def answers(self, model: str, **changes: Any) -> list[ModelResponse]:
        """The same answer whole and streamed."""
        self.server.will(as_json(200, self.case.dialect.whole(SAID)), self.case.streamed(SAID))
        async with self.case.client(self.server, **self.settings | {"model": model} | changes) as client:
            asked = a_request(model="", tools=(WEATHER,))
            return [await client.respond(asked, CALL), fold(await events_of(client, model=""))]

    async def costs(self, model: str, **changes: Any) -> list[object]:
        """What their metadata says."""
        return [answer.metadata.get(COST) for answer in await self.answers(model, **changes)]


@pytest.fixture
async def till(case: Case, tls_server: OpenAIServer, authority: Authority) -> AsyncIterator[Till]:
    """Where the case is at home, because prices belong to a provider, and not to who speaks like it."""
    async with ForwardProxy(tls_server.url) as proxy:
        yield Till(case=case, server=tls_server, settings={"base_url": case.home, "proxy": proxy.url, "ca_file": authority.ca_file})


async def test_usage_has_one_normal_form_whole_or_streamed(till: Till) -> None:
    whole, streamed = await till.answers("a-model")

    assert replace(whole.usage, raw={}) == replace(streamed.usage, raw={}) == counted(till.case)
    assert whole.usage.raw == streamed.usage.raw != {}


async def test_what_the_library_knows_is_told_whole_or_streamed(till: Till) -> None:
    model = PRICED.get(till.case.provider)

    costs = await till.costs(model or "gpt-4o")

    assert costs == [model and pytest.approx(price_of(till.case, model))] * 2


async def test_what_nobody_knows_costs_none(till: Till) -> None:
    assert await till.costs("a-model") == [None, None]


async def test_the_settings_win_and_price_every_kind_of_token(till: Till) -> None:
    price = {"input_usd": 1.0, "output_usd": 10.0, "cache_read_usd": 0.1, "cache_write_usd": 2.0}
    model, spent = PRICED.get(till.case.provider, "a-model"), counted(till.case)
    fresh = spent.input_tokens - spent.cache_read_tokens - spent.cache_write_tokens

    costs = await till.costs(model, prices={model: price})

    expected = fresh + 0.1 * spent.cache_read_tokens + 2.0 * spent.cache_write_tokens + 10.0 * spent.output_tokens
    assert costs == [pytest.approx(expected / PER_TOKENS)] * 2


async def test_a_model_of_ones_own_costs_what_its_base_does(till: Till) -> None:
    base = PRICED.get(till.case.provider, "base")
    own = {} if base != "base" else {"prices": {base: {"input_usd": 3.0, "output_usd": 15.0}}}

    expected = await till.costs(base, **own)

    assert None not in expected
    assert await till.costs("our-judge", base_model=base, **own) == expected
    if name := BY_NAME.get(till.case.provider):
        assert await till.costs(name) == expected


async def test_a_server_that_only_speaks_like_a_provider_has_not_its_prices(case: Case, server: OpenAIServer) -> None:
    server.will(as_json(200, case.dialect.whole(SAID)))
    async with case.client(server, model=PRICED.get(case.provider, "gpt-4o")) as client:
        response = await client.respond(a_request(model=""), CALL)

    assert (COST in response.metadata) == (case.provider == "azure")  # which is somewhere else for everybody
