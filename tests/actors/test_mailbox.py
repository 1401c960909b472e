"""The receiving end of messages alone: what rides on the reply of a mail, what is collected, and what cannot be read."""

import asyncio

import pytest

from polaris_llm.actors.messages import LARGE_BYTES, Answer, Mail, is_aside, size_of, unwrap
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import DeadlineExceededError, UnexpectedError
from support.actors import Unreadable
from support.callers import SOON, caller

pytestmark = pytest.mark.anyio

SHORT = CallContext(remaining_s=0.02)


@pytest.mark.parametrize("pickles", [True, False])
async def test_quick_answers_ride_on_the_reply(pickles: bool) -> None:
    one = caller(pickles=pickles)

    answers = await one.mail(one.message(1, "echo", "at once"), one.message(2, "echo_async", "from a task"))

    assert answers == {1: "at once", 2: "from a task"}


async def test_a_slow_message_holds_back_no_other_and_is_collected() -> None:
    one = caller()

    answers = await one.mail(one.message(1, "hold", "slow"), one.message(2, "echo", "quick"), one.message(3, "echo_async", "quick"))
    await one.release("slow")

    assert answers == {2: "quick", 3: "quick"}
    assert await one.collect() == {1: "slow"}


async def test_collect_returns_as_soon_as_an_answer_is_there() -> None:
    one = caller()
    await one.ask(1, "hold", 1)
    collect = asyncio.create_task(one.collect())
    await asyncio.sleep(0)

    await one.other("another#2").release(1)

    assert await collect == {1: 1}


async def test_collect_waits_again_once_it_gave_all_there_was() -> None:
    one = caller()
    await one.mail(one.message(1, "hold", 1), one.message(2, "hold", 2))
    await one.other("another#2").release(1)
    assert await one.collect() == {1: 1}

    collect = asyncio.create_task(one.collect())
    await one.other("another#2").ask(1, "echo", "meanwhile")
    assert not collect.done()
    await one.other("another#2").release(2)

    assert await collect == {2: 2}


async def test_collect_returns_with_nothing_when_nothing_comes() -> None:
    one = caller()
    await one.ask(1, "hold", 1)

    assert await one.collect(wait_s=0.01) == {}


async def test_answers_go_out_in_batches_under_the_size_at_which_calls_become_dear() -> None:
    one = caller()
    mail = Mail(one.name, None, [one.message(number, "fill", 40_000) for number in range(5)])

    batches = [(await one.mailbox.mail(mail)).blobs]
    batches += [await one.mailbox.collect(one.name, SOON) for _ in range(2)]

    assert [number for batch in batches for number, _ in batch] == [0, 1, 2, 3, 4]
    assert max(sum(map(size_of, batch)) for batch in batches) <= LARGE_BYTES


async def test_a_large_answer_goes_out_as_a_reference() -> None:
    one = caller()

    reply = await one.mailbox.mail(Mail(one.name, None, [one.message(1, "fill", LARGE_BYTES)]))

    [(number, content)] = reply.blobs
    assert number == 1
    assert is_aside(content)
    assert unwrap(Answer, await one.engine.load(content)) == Answer(bytes(LARGE_BYTES))


async def test_a_large_message_is_loaded_while_others_are_answered() -> None:
    one = caller()
    one.engine.loads_flow.clear()
    large = one.message(1, "echo", bytes(LARGE_BYTES))

    assert await one.mail(large, one.message(2, "echo", "small")) == {2: "small"}
    one.engine.loads_flow.set()

    [(number, content)] = await one.mailbox.collect(one.name, SOON)
    assert number == 1
    assert unwrap(Answer, await one.engine.load(content)).value == bytes(LARGE_BYTES)


async def test_a_large_message_keeps_its_deadline_and_can_be_cancelled() -> None:
    one = caller()
    load = bytes(LARGE_BYTES)

    await one.mail(one.message(1, "hold", load, call=SHORT), one.message(2, "hold", load))
    late = await one.answer(1)
    await one.mail(cancelled=(2,))

    assert isinstance(late, DeadlineExceededError)
    assert await one.answer_to(3, "saw", "cancelled", load)


async def test_a_large_message_whose_bytes_are_lost_fails_alone() -> None:
    one = caller()
    one.engine.load_fault = ConnectionError("the node is gone")

    answers = await one.mail(one.message(1, "echo", bytes(LARGE_BYTES)), one.message(2, "echo", "small"))

    assert answers[2] == "small"
    assert isinstance(answers[1], UnexpectedError)
    assert answers[1].message == "ConnectionError: the node is gone"


async def test_a_message_that_cannot_be_read_fails_alone() -> None:
    one = caller()

    answers = await one.mail(one.message(1, "echo", Unreadable()), one.message(2, "echo", "fine"))

    assert answers[2] == "fine"
    assert isinstance(answers[1], UnexpectedError)
    assert answers[1].message == "AttributeError: no such class here"
