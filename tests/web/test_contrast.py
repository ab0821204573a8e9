"""The colours of both themes, by WCAG 2.2: 4.5:1 for text, 3:1 for borders of fields."""

import re

import pytest

from playground.web.assets import SOURCES

TOKENS = (SOURCES / "tokens.css").read_text()
DIAGRAM = (SOURCES / "diagram.css").read_text()
STATUSES = (
    "completed",
    "errors",
    "progress",
    "scheduled",
    "skipped",
    "paused",
    "canceled",
    "failed",
    "pending",
)
TEXT_ON_GROUND = [
    *((text, ground) for text in ("text", "muted") for ground in ("ground", "surface", "sunken")),
    ("accent", "ground"),
    ("accent", "surface"),
    ("accent", "accent-soft"),
    ("text", "accent-soft"),
    *((f"{tone}", ground) for tone in ("danger", "warn", "good") for ground in ("surface",)),
    *((f"{tone}", f"{tone}-soft") for tone in ("danger", "warn", "good")),
    *(("text", f"{tone}-soft") for tone in ("danger", "warn", "good")),
    *((f"s-{status}", f"s-{status}-soft") for status in STATUSES),
    *((f"s-{status}", "surface") for status in STATUSES),
    *(("text", f"s-{status}-soft") for status in STATUSES),
    *(("muted", f"s-{status}-soft") for status in STATUSES),
]


def colours(theme: int) -> dict[str, str]:
    """Token → colour in the light (0) or the dark (1) theme."""
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS)
    single = re.findall(r"--([\w-]+): (#\w{6});", TOKENS)
    return {name: (light, dark)[theme] for name, light, dark in pairs} | dict(single)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND)
def test_text_is_readable(text: str, ground: str, theme: int) -> None:
    known = colours(theme)

    assert contrast(known[text], known[ground]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("fill", ["accent-fill", "accent-fill-hover", "danger-fill"])
def test_words_on_filled_buttons_are_readable(fill: str, theme: int) -> None:
    known = colours(theme)

    assert contrast(known["on-accent"], known[fill]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("line", ["line-strong", "focus"])
def test_borders_of_fields_are_seen(line: str, theme: int) -> None:
    known = colours(theme)

    assert contrast(known[line], known["surface"]) >= 3
    assert contrast(known[line], known["ground"]) >= 3


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("bar", [".diagram .bar", '[data-status="PENDING"] .bar'])
def test_words_on_bars_are_readable(bar: str, theme: int) -> None:
    fill = _pair(bar)[theme]

    assert contrast(_pair(".diagram .bar-name")[theme], fill) >= 4.5


def _pair(selector: str) -> tuple[str, str]:
    rule = DIAGRAM[DIAGRAM.index(selector + " {") :]
    found = re.search(r"fill: light-dark\((#\w{6}), (#\w{6})\)", rule)
    assert found is not None
    return found[1], found[2]
