"""fixture       | scope  | gives
--------------|--------|------------------------------------------------------------------
installation  | module | a playground of this module's own, to be killed at will
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.load.installation import Installation


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="playground-faults-") as directory:
        installation = Installation(Path(directory) / "data")
        try:
            installation.start()
            yield installation
        finally:
            installation.stop()
