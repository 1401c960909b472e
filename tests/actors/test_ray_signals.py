"""What SIGTERM does in a process that is connected to Ray; its effect on a whole program is tested on a cluster."""

import asyncio
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from polaris_llm.actors.ray_signals import end_at_once, end_in_order


@pytest.fixture(autouse=True)
def handler_stays() -> Iterator[None]:
    """What handled SIGTERM before the test does so after it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_sigterm_raises_system_exit_so_that_all_is_closed_and_a_second_one_disturbs_nothing() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_in_order()

    with pytest.raises(SystemExit) as raised:
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)

    assert raised.value.code == 128 + signal.SIGTERM


def test_a_programs_own_handler_stays() -> None:
    heard: list[int] = []

    def own(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    signal.signal(signal.SIGTERM, own)
    end_in_order()
    signal.raise_signal(signal.SIGTERM)
    end_at_once()

    assert heard == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is own


@pytest.mark.parametrize("times", [0, 1])
def test_when_all_is_closed_sigterm_ends_the_process_at_once_again(times: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_in_order()
    for _ in range(times):
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)

    end_at_once()

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.anyio
async def test_another_thread_than_the_main_one_changes_nothing() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    await asyncio.to_thread(end_in_order)

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
