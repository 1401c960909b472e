"""Bytes and texts in pieces, cut wherever hypothesis likes."""

from itertools import pairwise
from typing import AnyStr

from hypothesis import strategies as st


def cut(data: st.DataObject, units: AnyStr, size: int = 1) -> list[AnyStr]:
    """Some pieces of `units`, cut at multiples of `size`; never empty."""
    places: set[int] = data.draw(st.sets(st.integers(1, max(1, len(units) // size - 1)), max_size=5))
    bounds = sorted({0, len(units), *(place * size for place in places if place * size < len(units))})
    return [units[start:end] for start, end in pairwise(bounds)] or [units]


def cut_text(data: st.DataObject, text: str) -> list[str]:
    """Pieces of a text as a program cuts it whose strings are UTF-16: in the middle of characters, too."""
    return [part.decode("utf-16-le", "surrogatepass") for part in cut(data, text.encode("utf-16-le"), 2)]
