"""Early access: switches of a browser, and votes of which each namespace has one."""

import pytest

from tests.web.visiting import Visitor

pytestmark = pytest.mark.anyio


async def voted(visitor: Visitor, idea: str, vote: str, said: str = "") -> None:
    fields = {"vote": vote, "said": said}
    answer = await visitor.post(f"/early-access/{idea}/vote", fields, form="/early-access")
    assert answer.status_code == 303, answer.text


async def test_a_switch_changes_every_page_and_back(ada: Visitor) -> None:
    path = "/early-access/dense/switch"

    await ada.post(path, {"switch": "on"}, form="/early-access")
    on = (await ada.get("/executions")).text
    await ada.post(path, {"switch": "off"}, form="/early-access")
    off = (await ada.get("/executions")).text

    assert 'data-previews="dense"' in on
    assert "data-previews" not in off


async def test_a_namespace_counts_once_as_it_voted_last(ada: Visitor) -> None:
    await voted(ada, "backfill", "no")
    await voted(ada, "backfill", "yes", said="Every Monday after the holidays.")

    assert "you said yes" in await ada.text("/early-access?said=voted")


@pytest.mark.parametrize(("idea", "vote"), [("backfill", "maybe"), ("nothing", "yes")])
async def test_what_is_no_vote_is_refused(ada: Visitor, idea: str, vote: str) -> None:
    fields = {"vote": vote}

    answer = await ada.post(f"/early-access/{idea}/vote", fields, form="/early-access")

    assert answer.status_code in (400, 404)
