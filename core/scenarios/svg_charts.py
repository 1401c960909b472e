"""Small charts as inline SVG, drawn from values: no library, no script, no network. Colours are CSS classes of the page."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from .estimates import Estimate

WIDTH, HEIGHT = 272, 124
LEFT, RIGHT, TOP, BOTTOM = 40, 6, 10, 18
ROW = 15
"""Pixels from one interval to the next."""
NAMES = 250
"""Pixels for the names of groups."""
LONGEST_NAME = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values of successive periods."""

    values: tuple[float, ...]
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One mean with its interval."""

    name: str
    estimate: Estimate
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalGroup:
    """Intervals that stand together under a name."""

    name: str
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def step_chart(
    title: str, series: Sequence[Series], *, highest: float = 0.0, limit: float | None = None, marks: Iterable[int] = ()
) -> Markup:
    """Values that hold for one period each, from 0 up; `limit` is a dashed line, `marks` are periods, from 1, in which something broke."""
    top = nice_ceiling(max([highest, limit or 0.0, *(value for one in series for value in one.values)])) or 1.0
    count = max(len(one.values) for one in series)
    across = _Scale(low=0, high=count, start=LEFT, end=WIDTH - RIGHT)
    up = _Scale(low=0, high=top, start=HEIGHT - BOTTOM, end=TOP)
    parts = [_height(value, up) for value in (0.0, top / 2, top)]
    parts += [_text(across.at(period - 0.5), HEIGHT - 5, str(period)) for period in sorted({1, (count + 1) // 2, count})]
    parts += [_upright("mark", across.at(mark - 1), TOP, HEIGHT - BOTTOM) for mark in marks]
    parts += [_level("limit", LEFT, WIDTH - RIGHT, up.at(limit))] if limit is not None else []
    parts += [f'<path class="line {one.colour}" d="{_steps(one.values, across, up)}"/>' for one in series]
    return _svg(WIDTH, HEIGHT, title, parts)


def interval_chart(title: str, groups: Sequence[IntervalGroup], width: int = 1080) -> Markup:
    """Means as dots and their intervals as lines, group below group."""
    bounds = [bound for group in groups for one in group.intervals for bound in _bounds(one.estimate)]
    low, high = -nice_ceiling(-min([*bounds, 0.0])), nice_ceiling(max([*bounds, 1.0]))
    across = _Scale(low=low, high=high, start=NAMES, end=width - 16)
    heights = [(len(group.intervals) + 1) * ROW for group in groups]
    height = sum(heights) + 2 * ROW
    parts = [_tick(value, across, height) for value in _ticks(low, high)]
    for index, group in enumerate(groups):
        parts += _group(group, sum(heights[:index]) + ROW, across, width)
    return _svg(width, height, title, parts)


def nice_ceiling(value: float) -> float:
    """The least of 1, 2, 3, 5 and 8 times a power of ten that is not below the value; 0 where that is not above 0."""
    if value <= 0:
        return 0.0
    power = math.pow(10, math.floor(math.log10(value)))
    return next(step * power for step in (1, 2, 3, 5, 8, 10) if step * power >= value * (1 - 1e-9))


def _bounds(estimate: Estimate) -> tuple[float, ...]:
    return tuple(bound for bound in (estimate.mean, estimate.low, estimate.high) if bound is not None)


def _group(group: IntervalGroup, top: float, across: _Scale, width: int) -> list[str]:
    family, bracket, variant = group.name.partition("[")
    names = [_name("name", family, top + ROW, group.name)]
    names += [_name("variant", variant.removesuffix("]"), top + 2 * ROW, group.name)] if bracket else []
    rows = [_interval(group.name, one, top + (index + 0.5) * ROW, across) for index, one in enumerate(group.intervals)]
    return [_level("rule", 0, width, top - ROW / 2), *names, *rows]


def _name(kind: str, text: str, y: float, whole: str) -> str:
    shown = text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
    return f'<text class="{kind}" x="0" y="{y}">{escape(shown)}<title>{escape(whole)}</title></text>'


def _interval(group: str, one: Interval, y: float, across: _Scale) -> str:
    mean, low, high = one.estimate.mean, one.estimate.low, one.estimate.high
    span = "" if low is None or high is None else _level(f"span {one.colour}", across.at(low), across.at(high), y)
    told = f"<title>{escape(f'{group}, {one.name}: {mean:.1f}')}</title>"
    return f'{span}<circle class="dot {one.colour}" cx="{across.at(mean)}" cy="{y}" r="4">{told}</circle>'


def _ticks(low: float, high: float) -> list[float]:
    step = nice_ceiling((high - low) / 8)
    return [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _tick(value: float, across: _Scale, height: float) -> str:
    return _upright("grid" if value else "zero", across.at(value), ROW / 2, height - ROW) + _text(
        across.at(value), height - 2, f"{value:g}"
    )


def _height(value: float, up: _Scale) -> str:
    return _level("grid", LEFT, WIDTH - RIGHT, up.at(value)) + _text(LEFT - 5, up.at(value) + 3, f"{value:g}", "end")


def _steps(values: Sequence[float], across: _Scale, up: _Scale) -> str:
    drawn = "".join(f"V{up.at(value)}H{across.at(index)}" for index, value in enumerate(values, start=1))
    return f"M{across.at(0)},{up.at(values[0])}{drawn}"


def _level(kind: str, start: float, end: float, y: float) -> str:
    return f'<line class="{kind}" x1="{start}" x2="{end}" y1="{y}" y2="{y}"/>'


def _upright(kind: str, x: float, start: float, end: float) -> str:
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{start}" y2="{end}"/>'


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text class="tick" x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'


def _svg(width: float, height: float, title: str, parts: Iterable[str]) -> Markup:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return Markup(f'<svg {size} role="img"><title>{escape(title)}</title>{"".join(parts)}</svg>')
