"""A loop by hand over OpenAI's SDK in one process. A transport inside the process answers: what is measured is SDK and loop, no network."""

import asyncio
import json
from typing import Any

import httpx2
from openai import AsyncOpenAI

from ..workload import ANSWER, CALLS, arguments, objective
from .turns import latency_s, take_turns

NUMBERS = {"a": {"type": "integer"}, "b": {"type": "integer"}}
PARAMETERS = {"type": "object", "properties": {"operation": {"type": "string"}, **NUMBERS}, "required": ["operation", "a", "b"]}
TOOL: Any = {
    "type": "function",
    "function": {"name": "calculator", "description": "Do one arithmetic operation.", "parameters": PARAMETERS},
}


def _answer(done: int) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": ANSWER}
    if done < CALLS:
        function = {"name": "calculator", "arguments": json.dumps(arguments(done))}
        message = {"role": "assistant", "content": None, "tool_calls": [{"id": f"call_{done}", "type": "function", "function": function}]}
    choice = {"index": 0, "message": message, "finish_reason": "stop" if done == CALLS else "tool_calls", "logprobs": None}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "scripted", "choices": [choice], "usage": usage}


async def _main(wait_s: float) -> None:
    async def respond(request: httpx2.Request) -> httpx2.Response:
        messages = json.loads(request.content)["messages"]
        await asyncio.sleep(wait_s)
        return httpx2.Response(200, json=_answer(sum(message["role"] == "tool" for message in messages)))

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    client = AsyncOpenAI(api_key="a-key-of-nobody", base_url="http://model.invalid/v1", http_client=http, timeout=600)

    async def session(number: int) -> str:
        messages: list[Any] = [{"role": "user", "content": objective(number)}]  # as the SDK's
        while True:
            completion = await client.chat.completions.create(model="scripted", messages=messages, tools=[TOOL])
            answer = completion.choices[0].message
            messages.append(answer.model_dump(exclude_none=True))
            if not answer.tool_calls:
                return answer.content or ""
            for call in answer.tool_calls:
                given = json.loads(call.function.arguments)
                result = json.dumps({"result": given["a"] + given["b"]})
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})

    await take_turns(session)


if __name__ == "__main__":
    asyncio.run(_main(latency_s()))
