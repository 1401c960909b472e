"""The events of a stream as they came."""

import json

from polaris_llm.core.providers.raw_events import MAX_RAW_CHARS, RawEvents


def test_events_are_kept_in_order_and_can_be_written_again() -> None:
    raw = RawEvents()
    for data in ('{"n": 1}', '{"half": "\\ud83c"}'):
        raw.add(data)

    assert raw.told() == {"raw_response": [{"n": 1}, {"half": "?"}]}


def test_what_there_is_no_room_for_is_counted_and_what_comes_behind_it_too() -> None:
    raw = RawEvents()
    for data in ('{"n": 1}', json.dumps("x" * MAX_RAW_CHARS), '{"n": 3}'):
        raw.add(data)

    assert raw.told() == {"raw_response": [{"n": 1}], "raw_events_left_out": 2}
