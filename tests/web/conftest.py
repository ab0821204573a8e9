"""People at the pages, in this process, on the real database.

fixture    | scope    | gives
-----------|----------|----------------------------------------------------------------
ada        | function | `Visitor` who is signed in, with a namespace of her own
bo         | function | another one, a stranger to Ada
nobody     | function | `Visitor` without a session
"""

import pytest

from playground.engine.runtime import Runtime
from tests.web.visiting import Visitor, a_visitor, an_anonymous_visitor


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def ada(rt: Runtime) -> Visitor:
    return await a_visitor(rt, "Ada Lovelace")


@pytest.fixture
async def bo(rt: Runtime) -> Visitor:
    return await a_visitor(rt, "Bo")


@pytest.fixture
def nobody(rt: Runtime) -> Visitor:
    return an_anonymous_visitor(rt)
