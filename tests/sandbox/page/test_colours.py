"""The page's colours can be read by everybody: 4.5 to 1 for text, light and dark (WCAG 2.2, AA)."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[3] / "bot/sandbox/static/page.css"
PAIRS = [
    ("text", "bg"), ("text", "soft"), ("text", "raised"), ("muted", "bg"), ("muted", "soft"), ("muted", "private"),
    ("muted", "raised"), ("muted", "line"), ("link", "bg"), ("link", "soft"), ("link", "mention"), ("me-text", "me"),
    ("code", "code-bg"), ("white", "primary"), ("white", "primary-hover"), ("white", "danger"), ("good", "soft"),
    ("bad", "soft"), ("bad", "bg"), ("warn", "bg"), ("accent", "bg"), ("accent", "accent-soft"),
    ("text", "accent-soft"),
    ("bg", "accent"), ("bg", "text"), ("side-text", "side"), ("side-muted", "side"), ("side-muted", "side-2"),
    ("white", "side-active"), ("text", "flash"), ("muted", "flash"),
]  # fmt: skip
MARKS = [(f"s{at}", "raised") for at in range(6)]  # lines and bars of charts: 3 to 1


def themes() -> dict[str, dict[str, str]]:
    css = CSS.read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")[:2]
    named = re.compile(r"--([\w-]+):\s*(#[0-9a-f]{3,6})\b")
    found = {"white": "#ffffff", **dict(named.findall(light))}
    return {"light": found, "dark": found | dict(named.findall(dark.split("* {")[0]))}


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), [(*p, 4.5) for p in PAIRS] + [(*p, 3.0) for p in MARKS])
def test_text_stands_out(theme: str, front: str, back: str, least: float) -> None:
    colours = themes()[theme]

    assert contrast(colours[front], colours[back]) >= least
