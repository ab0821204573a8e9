"""Fixtures of every test; each module of tests/support that has fixtures is loaded as a plugin.

fixture    | scope    | gives
-----------|----------|----------------------------------------------------------------------
services   | session  | `Services`: URLs of the real, migrated PostgreSQL and the real Redis
rt, caller | function | a `Runtime` in the test's own process, a `Caller` of a new namespace
playground | session  | `Playground`: a whole one, `playground up`, shared by all workers
key        | function | an access key of a namespace in `playground` that is this test's alone
api        | function | an HTTP client that calls `playground` as `key`

They run once for all workers of a test run, start with the first test that asks for them, and end
with the run. Nothing in them is emptied between tests: every test has a tenant of its own.
"""

import importlib.util
import os
import secrets

import pytest

_PLUGINS = (
    "tests.support.services",
    "tests.support.runtime",
    "tests.support.playground",
    "tests.support.clients",
    "tests.support.browser",
    "tests.support.egress",
    "tests.support.sandbox",
    "tests.support.logs",
    "tests.support.counts",
)
pytest_plugins = [name for name in _PLUGINS if importlib.util.find_spec(name) is not None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites the golden files; the difference is reviewed as code."""
    parser.addoption("--update-golden", action="store_true", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """One seed for the random executions of all workers; they inherit it."""
    os.environ.setdefault("PLAYGROUND_LAW_SEED", str(secrets.randbits(32)))


def pytest_report_header(config: pytest.Config) -> str:
    return f"random executions: PLAYGROUND_LAW_SEED={os.environ['PLAYGROUND_LAW_SEED']}"
