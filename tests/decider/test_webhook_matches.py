"""Pins which payloads a WAIT_FOR_WEBHOOK task takes: every path must lead to its value."""

from typing import Any

import pytest

from playground.decider.webhook_matches import is_match

PAYLOAD = {"event": {"type": "push", "n": 1, "ok": True}, "list": [{"a b": "x"}]}


@pytest.mark.parametrize(
    ("matches", "fits"),
    [
        ({"$['event']['type']": "push"}, True),
        ({"$.event.type": "push"}, True),
        ({"event.type": "push"}, True),
        ({"$.event.type": "push", "$.event.n": 1}, True),
        ({"$.event.type": "push", "$.event.n": 2}, False),
        ({"$.list[0]['a b']": "x"}, True),
        ({"$.event": {"type": "push", "n": 1, "ok": True}}, True),
        ({"$.event.n": "1"}, False),
        ({"$.event.n": True}, False),
        ({"$.event.ok": 1}, False),
        ({"$.event.ok": True}, True),
        ({"$.nobody": "x"}, False),
        ({"][": "x"}, False),
        ({}, False),
        ("text", False),
    ],
    ids=str,
)
def test_every_path_must_lead_to_its_value(matches: Any, fits: bool) -> None:
    assert is_match({"matches": matches}, PAYLOAD) is fits


def test_payload_may_be_a_list() -> None:
    assert is_match({"matches": {"$[0].event": "open"}}, [{"event": "open"}])
