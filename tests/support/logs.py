"""What this process logs, as the JSON lines it would write.

fixture | scope    | gives
--------|----------|----------------------------------------------------------------
written | function | `Written`: the lines logged so far, from debug on
"""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from playground import logs

Written = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written() -> Iterator[Written]:
    root = logging.getLogger()
    before, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    logs.configure(level="debug", as_json=True, role="test", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    logging.raiseExceptions = raising
