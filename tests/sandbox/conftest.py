"""The fixtures of `tests.support.sandbox`, on asyncio."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
