"""Everything the engine works with, built once by `playground.wiring` and handed to every verb."""

import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from playground.engine.claims_ahead import ClaimsAhead, NoClaimsAhead
from playground.engine.handed_on import Queues
from playground.engine.mailboxes import Mailboxes
from playground.engine.plans import Plans
from playground.engine.switches import Switches
from playground.engine.together import Together
from playground.engine.waiting_polls import WaitingPolls
from playground.measures import Measures
from playground.sandbox.client import SandboxClient
from playground.store.committer import Committer
from playground.store.masking import Masks, Reading
from playground.wakeups import Wakeups
from tenants.database import BY_INDEX, Connection, Database, Role
from tenants.sealing import Keyring


class Clock:
    """This process's time, set by the database's: all processes share that one."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return int(time.time() * 1000) + self._ahead_ms  # noqa: TID251 - the one place

    def learn(self, database_ms: int) -> None:
        """Follow the database's clock where it differs by more than a query takes."""
        difference = database_ms - int(time.time() * 1000)  # noqa: TID251 - the one place
        if abs(difference - self._ahead_ms) > 50:
            self._ahead_ms = difference


def random_ids() -> Iterator[str]:
    """UUIDs, one after the other."""
    while True:
        yield str(uuid.uuid4())  # noqa: TID251 - the one place


def no_ring() -> None:
    """A doorbell nobody hears: the clock finds the work."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What verbs need. `ring` says that system tasks or effects are due; it only sets a flag."""

    database: Database
    committer: Committer
    wakeups: Wakeups
    sandbox: SandboxClient
    public_url: str
    ring: Callable[[], None] = no_ring
    clock: Clock = field(default_factory=Clock)
    ids: Callable[[], Iterator[str]] = random_ids
    mailboxes: Mailboxes = field(default_factory=Mailboxes)
    plans: Plans = field(default_factory=Plans)
    keyring: Keyring = field(default_factory=Keyring)
    masks: Masks = field(default_factory=Masks)
    stand_ins: Switches = field(default_factory=Switches)
    waiting_polls: WaitingPolls = field(default_factory=WaitingPolls)
    together: Together = field(default_factory=Together)
    claims_ahead: ClaimsAhead = field(default_factory=NoClaimsAhead)
    queues: Queues = field(default_factory=Queues)
    measures: Measures = field(default_factory=Measures)

    def now_ms(self) -> int:
        """Epoch milliseconds, by the clock all processes share."""
        return self.clock.now_ms()

    def new_id(self) -> str:
        """A fresh UUID."""
        return next(self.ids())

    @property
    def samples_url(self) -> str:
        """Where the stand-ins answer: what `${workflow.env.SAMPLES_URL}` reads."""
        return f"{self.public_url}/samples"

    def unit_of_work(self, namespace: str) -> AbstractAsyncContextManager[Connection]:
        """A transaction bound to one namespace; no query in it names the tenant.

        Values are as they are: what somebody outside is to see is read with `reading`.
        """
        return self.database.transaction(Role.TENANT, (namespace,))

    def working(self, namespace: str) -> AbstractAsyncContextManager[Connection]:
        """The same for statements of the hot path, which name by key what they touch."""
        return self.database.transaction(Role.TENANT, (namespace,), planned=BY_INDEX)

    @asynccontextmanager
    async def reading(self, namespace: str) -> AsyncIterator[Reading]:
        """A connection for queries, bound to one namespace; what is masked is so for it."""
        async with self.database.transaction(Role.TENANT, (namespace,)) as connection:
            yield Reading(connection.driver, namespace, self.masks, self.keyring)
