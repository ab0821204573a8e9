"""The verbs of saved searches: a namespace keeps up to a hundred, by name."""

from typing import Final

from msgspec.structs import replace

from playground.engine.runtime import Runtime
from playground.model.errors import Invalid, NotFound
from playground.model.saved_searches import SavedSearch, Searched
from playground.store import saved_searches
from tenants import quotas
from tenants.caller import Caller

MOST: Final = 100
NAME_MAX_CHARACTERS: Final = 80
FILTERS_MAX_CHARACTERS: Final = 10_000


async def save(rt: Runtime, caller: Caller, search: SavedSearch) -> None:
    """Keep a search; one of the same name is replaced."""
    name = search.name.strip()
    if not name or len(name) > NAME_MAX_CHARACTERS or not name.isprintable():
        raise Invalid(f"name: 1 to {NAME_MAX_CHARACTERS} printable characters")
    if len(search.filters) > FILTERS_MAX_CHARACTERS:
        raise Invalid(f"filters: at most {FILTERS_MAX_CHARACTERS} characters")
    kept = replace(search, name=name, create_time=rt.now_ms())
    async with rt.unit_of_work(caller.namespace) as connection:
        await saved_searches.save(connection, caller.namespace, kept)
        if await saved_searches.count(connection) > MOST:
            raise quotas.exceeded("saved_searches", MOST)


async def remove(rt: Runtime, caller: Caller, searched: Searched, name: str) -> None:
    """Raises `NotFound`."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await saved_searches.remove(connection, searched, name):
            raise NotFound(f"No such search found by name: {name}")


async def of(rt: Runtime, caller: Caller, searched: Searched) -> list[SavedSearch]:
    """By name."""
    async with rt.reading(caller.namespace) as connection:
        return await saved_searches.of(connection, searched)
