"""Searches that people keep under a name."""

from enum import StrEnum

from msgspec import Struct


class Searched(StrEnum):
    """What is searched for."""

    EXECUTIONS = "executions"
    TASKS = "tasks"


class SavedSearch(Struct, frozen=True, kw_only=True, rename="camel"):
    """`filters` is the query string of the search page, as `status=FAILED&name=Pop*`."""

    of: Searched
    name: str
    filters: str
    create_time: int = 0
