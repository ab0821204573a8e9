"""Help inside: what it names is there."""

import pytest

from playground.web.help_pages import NEWS
from playground.web.task_catalogue import TASK_TYPES
from tests.web.visiting import Visitor

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", sorted({one.path for one in NEWS}))
async def test_every_link_of_what_is_new_leads_somewhere(ada: Visitor, path: str) -> None:
    assert (await ada.get(path)).status_code == 200


async def test_every_task_type_is_explained(ada: Visitor) -> None:
    said = await ada.text("/help/tasks")

    assert [one.type for one in TASK_TYPES if one.doc not in said] == []


async def test_help_names_the_version_and_where_to_ask(ada: Visitor) -> None:
    page = (await ada.get("/help")).text

    assert 'data-copy="version"' in page
    assert "/feedback?from=/help" in page
    assert "github.com/conductor-oss" in page
