"""The round chart: slices of a ring, the shares in its legend."""

import math

from markupsafe import Markup

from bot.sandbox import scale
from bot.sandbox.markup import tag
from bot.sandbox.mrkdwn import plain

SIZE, OUTER, INNER = 220, 104.0, 58.0
COLOURS = 6

Segment = tuple[str, float]


def share(value: float, segments: list[Segment]) -> str:
    """Return `31 %` of the whole."""
    total = sum(amount for _, amount in segments)
    return f"{value / total:.0%}".replace("%", " %") if total > 0 else "0 %"


def sentence(title: str, segments: list[Segment]) -> str:
    """Return the chart in words."""
    parts = "; ".join(f"{label} {scale.number(value)} ({share(value, segments)})" for label, value in segments)
    return f"Pie chart, {title}: {parts or 'no values'}."


def legend(segments: list[Segment]) -> Markup:
    """Return label, value and share of each slice."""
    items = []
    for at, (label, value) in enumerate(segments):
        solid = tag("rect", class_="solid", x=5, y=0, width=10, height=10, rx=2)
        swatch = tag("svg", solid, viewBox="0 0 22 10", class_=f"swatch s{at % COLOURS}", aria_hidden="true")
        numbers = tag("strong", f" {scale.number(value)} ({share(value, segments)})")
        items.append(tag("li", swatch, plain(label), numbers))
    return tag("ul", *items, class_="legend")


def drawing(segments: list[Segment], spoken: str) -> Markup:
    """Return the ring."""
    total = sum(value for _, value in segments if value > 0) or 1.0
    slices = []
    begin = 0.0
    for at, (label, value) in enumerate(segments):
        if value <= 0:
            continue
        end = begin + value / total
        tip = tag("title", f"{label}: {scale.number(value)} ({share(value, segments)})")
        slices.append(tag("path", tip, d=_slice(begin, end), class_=f"slice s{at % COLOURS}"))
        begin = end
    return tag("svg", *slices, viewBox=f"0 0 {SIZE} {SIZE}", role="img", aria_label=spoken)


def _slice(begin: float, end: float) -> str:
    """Return the outline of the ring between two fractions of the circle, from 12 o'clock clockwise."""
    end = min(end, begin + 0.99999)  # an arc onto its own start is drawn as nothing
    large = 1 if end - begin > 0.5 else 0
    a, b, c, d = _at(begin, OUTER), _at(end, OUTER), _at(end, INNER), _at(begin, INNER)
    return f"M{a} A{OUTER} {OUTER} 0 {large} 1 {b} L{c} A{INNER} {INNER} 0 {large} 0 {d} Z"


def _at(fraction: float, radius: float) -> str:
    angle = 2 * math.pi * fraction
    return f"{SIZE / 2 + radius * math.sin(angle):.2f} {SIZE / 2 - radius * math.cos(angle):.2f}"
