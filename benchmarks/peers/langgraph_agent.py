"""LangGraph's prebuilt ReAct agent in one process, without a checkpointer."""

import asyncio
import warnings
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent

from ..workload import ANSWER, CALLS, arguments, objective
from .turns import latency_s, take_turns


class ScriptedModel(BaseChatModel):
    """Adds by the calculator, then tells the total."""

    latency_s: float

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **options: Any) -> "ScriptedModel":  # as LangChain's
        return self

    def _generate(self, *given: Any, **options: Any) -> ChatResult:  # as LangChain's
        raise NotImplementedError("it is asked asynchronously only")

    async def _agenerate(self, messages: Any, *given: Any, **options: Any) -> ChatResult:  # as LangChain's
        await asyncio.sleep(self.latency_s)
        done = sum(isinstance(message, ToolMessage) for message in messages)
        call = {"name": "calculator", "args": arguments(done), "id": f"call_{done}"}
        answer = AIMessage(content=ANSWER) if done == CALLS else AIMessage(content="", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=answer)])


@tool
async def calculator(operation: str, a: int, b: int) -> dict[str, int]:
    """Do one arithmetic operation."""
    return {"result": a + b if operation == "add" else a - b}


async def _main() -> None:
    agent: Any = create_react_agent(ScriptedModel(latency_s=latency_s()), [calculator])

    async def session(number: int) -> str:
        state = await agent.ainvoke({"messages": [("user", objective(number))]})
        return str(state["messages"][-1].content)

    await take_turns(session)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # LangGraph has deprecated its own agent in favour of LangChain's, which is built on the same graph
    asyncio.run(_main())
