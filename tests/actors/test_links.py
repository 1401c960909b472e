"""What an asker sees of messages between actors: batches, answers and errors, on the inline engine."""

import asyncio
from operator import attrgetter

import pytest

from polaris_llm.actors.links import Links
from polaris_llm.actors.messages import LARGE_BYTES, is_aside, size_of
from polaris_llm.actors.outbox import FRESH_S
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import ActorError, LLMRateLimitError, OutcomeUnknownError, OverloadedError, UnexpectedError
from support.actors import CALL, GREETING, Unreadable, outcome, until
from support.glass_engine import office
from support.instant_loop import run_instantly

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("pickles", [True, False])
async def test_messages_of_one_tick_leave_as_one_mail(pickles: bool) -> None:
    async with office(pickles=pickles) as place:
        answers = await asyncio.gather(*(place.clerk.ask("echo", CALL, number) for number in range(50)))

        assert answers == list(range(50))
        assert [len(mail.blobs) for mail in place.engine.mails] == [50]


async def test_messages_that_come_while_a_mail_is_outstanding_leave_with_the_next() -> None:
    async with office() as place, asyncio.TaskGroup() as asks:
        place.engine.mails_flow.clear()
        asks.create_task(place.clerk.ask("echo", CALL, "first"))
        await until(lambda: len(place.engine.mails) == 1)
        for number in range(30):
            asks.create_task(place.clerk.ask("echo", CALL, number))
            await asyncio.sleep(0)
        assert len(place.engine.mails) == 1

        place.engine.mails_flow.set()
        await until(lambda: len(place.engine.mails) == 2)

        assert [len(mail.blobs) for mail in place.engine.mails] == [1, 30]


async def test_a_batch_stays_under_the_size_at_which_calls_become_dear() -> None:
    async with office() as place:
        values = [bytes(20_000 + number) for number in range(20)]

        answers = await asyncio.gather(*(place.clerk.ask("echo", CALL, value) for value in values))

        assert answers == values
        sizes = [sum(map(size_of, mail.blobs)) for mail in place.engine.mails]
        assert len(sizes) == 5
        assert max(sizes) <= LARGE_BYTES


async def test_a_large_value_goes_by_reference_both_ways_and_arrives_whole() -> None:
    async with office() as place:
        value = bytes(range(256)) * 2000

        answer = await place.clerk.ask("echo", CALL, value)

        assert answer == value
        assert [is_aside(content) for _, content in place.engine.mails[0].blobs] == [True]


async def test_loading_a_large_answer_holds_back_no_other_answer_and_no_message() -> None:
    async with office() as place, asyncio.TaskGroup() as asks:
        place.engine.loads_flow.clear()
        large = asks.create_task(place.clerk.ask("fill", CALL, 2 * LARGE_BYTES))
        with_it = asks.create_task(place.clerk.ask("echo", CALL, "small"))

        assert await with_it == "small"
        assert await place.clerk.ask("echo", CALL, "later") == "later"
        assert not large.done()
        place.engine.loads_flow.set()
        assert len(await large) == 2 * LARGE_BYTES


async def test_a_large_answer_whose_bytes_are_lost_fails_its_asker_alone() -> None:
    async with office() as place:
        place.engine.load_fault = ConnectionError("the node is gone")

        large, small = await asyncio.gather(
            outcome(place.clerk.ask("fill", CALL, 2 * LARGE_BYTES)), outcome(place.clerk.ask("echo", CALL, 1))
        )

        assert isinstance(large, OutcomeUnknownError)
        assert large.message.endswith("its answer was lost before it was here: ConnectionError: the node is gone")
        assert small == 1


async def test_slow_answers_are_collected_by_one_call_at_a_time() -> None:
    async with office() as place, asyncio.TaskGroup() as asks:
        held = [asks.create_task(place.clerk.ask("hold", CALL, number)) for number in range(20)]
        for number in reversed(range(20)):
            assert await place.clerk.ask("echo", CALL, "quick") == "quick"
            place.clerk.tell("release", CALL, number)
            assert await held[number] == number

        assert place.engine.most_collecting == 1


async def test_an_idle_link_keeps_no_call_outstanding() -> None:
    async with office() as place:
        held = asyncio.create_task(place.clerk.ask("hold", CALL, 1))
        await place.clerk.ask("saw", CALL, "begun", 1)
        await until(lambda: place.engine.collecting == 1)

        place.clerk.tell("release", CALL, 1)
        await held

        await until(lambda: place.engine.collecting == 0)


async def test_tells_are_done_in_order_and_answered_by_nobody() -> None:
    async with office() as place:
        for number in range(5):
            place.clerk.tell("note", CALL, number)

        assert await place.clerk.ask("saw", CALL, "noted", 4)
        assert await place.clerk.ask("diary", CALL) == [("noted", number) for number in range(5)]
        assert place.clerk.outstanding == 0


async def test_the_context_arrives_whole() -> None:
    async with office() as place:
        sent = CallContext(
            session_id="s", root_session_id="r", run_id="u", step=3, call_index=2, call_id="c", tenant="t", priority=1,
            traceparent="00-1", remaining_s=4.0, attempt=2,
        )  # fmt: skip

        assert await place.clerk.ask("context", sent) == sent


async def test_an_ask_that_names_no_deadline_has_the_links() -> None:
    async with office(timeout_s=3.0) as place:
        assert (await place.clerk.ask("context", CallContext())).remaining_s == 3.0


@pytest.mark.parametrize("pickles", [True, False])
@pytest.mark.parametrize("method", ["fail", "fail_async"])
async def test_an_error_of_ours_arrives_equal(method: str, pickles: bool) -> None:
    async with office(pickles=pickles) as place:
        error = LLMRateLimitError("slow down", retry_after=2.5, request_id="r-1", cause=ValueError("429"))

        with pytest.raises(LLMRateLimitError) as raised:
            await place.clerk.ask(method, CALL, error)

        assert raised.value == error


@pytest.mark.parametrize("method", ["fail", "fail_async"])
async def test_a_foreign_error_arrives_as_unexpected_with_its_type_and_message(method: str) -> None:
    async with office() as place:
        with pytest.raises(UnexpectedError, match="ZeroDivisionError: by zero") as raised:
            await place.clerk.ask(method, CALL, ZeroDivisionError("by zero"))

        assert attrgetter("type_name", "message")(raised.value.cause) == ("ZeroDivisionError", "by zero")


@pytest.mark.parametrize("name", ["_secret", "__init__", "nonsense", "drawer", "start", "stop"])
async def test_what_is_no_public_method_is_refused_by_name(name: str) -> None:
    async with office() as place:
        with pytest.raises(ActorError, match=f"clerk has no method '{name}'; it has: ask_on, context, diary, echo"):
            await place.clerk.ask(name, CALL)


async def test_an_argument_that_cannot_travel_fails_its_asker_at_once() -> None:
    async with office() as place:
        with pytest.raises(UnexpectedError, match=r"echo cannot be sent to clerk: .*pickle"):
            await place.clerk.ask("echo", CALL, lambda: None)
        with pytest.raises(UnexpectedError, match=r"echo cannot be sent to clerk: .*pickle"):
            place.clerk.tell("echo", CALL, lambda: None)

        assert place.engine.mails == []
        assert await place.clerk.ask("echo", CALL, "next") == "next"


@pytest.mark.parametrize(
    ("method", "arguments", "told"),
    [
        ("unsendable", (), "Can't pickle"),
        ("fail_unsendably", (), "LocalError: known here alone"),
        ("unreadable", (), "AttributeError: no such class here"),
        ("echo", (Unreadable(),), "AttributeError: no such class here"),
    ],
)
async def test_what_cannot_travel_fails_its_asker_and_no_other(method: str, arguments: tuple[object, ...], told: str) -> None:
    async with office() as place:
        before, broken, after = await asyncio.gather(
            outcome(place.clerk.ask("echo", CALL, "before")),
            outcome(place.clerk.ask(method, CALL, *arguments)),
            outcome(place.clerk.ask("echo_async", CALL, "after")),
        )

        assert (before, after) == ("before", "after")
        assert isinstance(broken, UnexpectedError)
        assert told in broken.message


async def test_links_of_the_same_name_never_get_each_others_answers() -> None:
    async with office() as place, asyncio.TaskGroup() as asks:
        twin = Links(place.engine, "tester", GREETING)
        held = [asks.create_task(links.to("clerk").ask("hold", CALL, number)) for number in range(5) for links in (place.links, twin)]
        for number in range(5):
            await place.clerk.ask("saw", CALL, "begun", number)
            place.clerk.tell("release", CALL, number)

        assert [await task for task in held] == [number for number in range(5) for _ in range(2)]
        await twin.close()


async def test_an_actor_may_ask_another_and_itself() -> None:
    async with office() as place:
        await place.hire("second")

        assert await place.clerk.ask("ask_on", CALL, "second", "ask_on", "clerk", "echo", "round trip") == "round trip"
        await place.engine.stop("second")


async def test_an_overload_further_on_is_told_and_not_tried_again() -> None:
    async with office() as place:
        error = OverloadedError("full", "another")

        with pytest.raises(OverloadedError) as raised:
            await place.clerk.ask("fail", CALL, error)

        assert raised.value == error
        assert len(place.engine.mails) == 1


def test_only_a_target_that_was_not_heard_of_is_greeted() -> None:
    async def scene() -> None:
        async with office() as place, asyncio.TaskGroup() as asks:
            held = asks.create_task(place.clerk.ask("hold", CallContext(remaining_s=100.0), 1))
            for _ in range(8):
                await place.clerk.ask("echo", CALL, "in between")
                await asyncio.sleep(FRESH_S)
            assert place.engine.greetings == 1
            place.clerk.tell("release", CALL, 1)
            await held
            await asyncio.sleep(10 * FRESH_S)

            await place.clerk.ask("echo", CALL, "after a while")

            assert place.engine.greetings == 2

    run_instantly(scene())
