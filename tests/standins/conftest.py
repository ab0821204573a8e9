"""`samples`: a client of the stand-ins, mounted as the web app mounts them."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from playground.standins import routes


@pytest.fixture
def samples() -> Iterator[TestClient]:
    app = Starlette(routes=[Mount("/samples", routes=routes)])
    with TestClient(app, base_url="http://samples.example") as client:
        yield client
