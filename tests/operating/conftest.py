"""A runtime on a database of its own: what is looked at here is what all namespaces have due."""

from collections.abc import AsyncIterator, Iterator

import pytest

from playground import migrations
from playground.engine.runtime import Runtime
from tests.support.runtime import a_runtime
from tests.support.services import Services


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
def alone(services: Services) -> Iterator[Services]:
    with services.empty_database() as empty:
        migrations.upgrade(empty.owner_database_url)
        yield empty


@pytest.fixture
async def rt(alone: Services) -> AsyncIterator[Runtime]:
    async with a_runtime(alone) as runtime:
        yield runtime
