"""Sharing by link: made by one, seen without a session, forked by another, ended again."""

import pytest
from msgspec.structs import replace

from playground.model.shares import Share, SharedContent, ShareKind
from playground.web.shares import shared_page
from tests.engine.running import run
from tests.support.builders import a_workflow_def, simple
from tests.web.visiting import Visitor, an_anonymous_visitor

pytestmark = pytest.mark.anyio


async def a_shared_run(ada: Visitor, **fields: str) -> str:
    """The path of its page."""
    execution_id = await run(
        ada.rt, ada.caller, [simple("first_ref", name="first")], given={"n": 41}
    )
    form = f"/share?execution={execution_id}"
    answer = await ada.post("/share", {"workflowId": execution_id} | fields, form=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0]


async def test_anybody_with_the_link_sees_the_run(ada: Visitor) -> None:
    path = await a_shared_run(ada, title="Why does this wait?")

    seen = await an_anonymous_visitor(ada.rt).text(path)

    assert "Why does this wait?" in seen
    assert "41" in seen
    assert "Sign in to fork it" in seen


async def test_only_the_link_leads_there(ada: Visitor, bo: Visitor) -> None:
    path = await a_shared_run(ada)

    listed = await bo.get(f"/by/{ada.caller.namespace}")
    unknown = await bo.get(path[:-1] + "0")
    theirs = await bo.post(f"/shares/{path.rpartition('/')[2]}/remove", {})

    assert (listed.status_code, unknown.status_code, theirs.status_code) == (404, 404, 404)


async def test_a_listed_one_is_on_the_public_page(ada: Visitor) -> None:
    await a_shared_run(ada, title="Seen by all", listed="yes")

    assert "Seen by all" in await an_anonymous_visitor(ada.rt).text(f"/by/{ada.caller.namespace}")


async def test_a_fork_becomes_ones_own(ada: Visitor, bo: Visitor) -> None:
    path = await a_shared_run(ada)

    answer = await bo.post(f"{path}/fork", {}, form=path)

    assert answer.status_code == 303
    assert "first" in await bo.text(answer.headers["location"])


async def test_other_sites_may_show_the_frame_and_the_picture(ada: Visitor) -> None:
    path = await a_shared_run(ada)
    stranger = an_anonymous_visitor(ada.rt)

    frame, drawn = await stranger.get(f"{path}/embed"), await stranger.get(f"{path}/diagram.svg")
    page = await stranger.get(path)

    assert "frame-ancestors *" in frame.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_what_is_shared_no_more_is_gone(ada: Visitor) -> None:
    path = await a_shared_run(ada)

    await ada.post(f"/shares/{path.rpartition('/')[2]}/remove", {}, form="/shares")

    assert (await ada.get(path)).status_code == 404


async def test_a_downloaded_run_is_shown_and_not_kept(ada: Visitor, bo: Visitor) -> None:
    execution_id = await run(
        ada.rt, ada.caller, [simple("first_ref", name="first")], given={"n": 41}
    )
    text = (await ada.get(f"/executions/{execution_id}?format=json")).text

    shown = await bo.post("/recorded", {"file": text}, form="/recorded")
    refused = await bo.post("/recorded", {"file": "{"}, form="/recorded")

    assert "stored nowhere" in shown.text
    assert "first_ref" in shown.text
    assert refused.status_code == 400
    assert (await bo.get(f"/executions/{execution_id}")).status_code == 404


def test_what_is_pasted_into_another_site_carries_no_markup_of_the_name() -> None:
    share = Share(id="abcdefgh234567ab", kind=ShareKind.DEFINITION, name="x", version=1)
    definition = replace(a_workflow_def([simple("a_ref")]), name='"><script>alert(1)</script>')

    page = shared_page(share, SharedContent(definition=definition), public_url="https://x.example")

    assert "<script" not in page.embed
    assert page.embed.count('"') == 10
