"""Hundreds of workers at once are answered, not turned away: polls that wait, and results."""

import asyncio
import os

from infra.load.idle_polls import poll_idly, token_of, work_at_once
from infra.load.installation import Key as LoadKey
from tests.support.playground import Key

POLLS = 300


def load_key(key: Key) -> LoadKey:
    return LoadKey(key.key_id, key.key_secret, key.namespace, key.server_url)


def test_polls_of_many_queues_that_begin_at_once_all_wait(key: Key) -> None:
    worker = load_key(key)

    outcome = asyncio.run(
        poll_idly(
            worker,
            token_of(worker),
            # What the web process uses is measured by the program, on a quiet machine.
            web_pid=os.getpid(),
            polls=POLLS,
            queues=POLLS,
            seconds=3,
            wait_ms=2_000,
            settle_seconds=3,
        )
    )

    assert outcome.statuses.total() >= POLLS
    assert set(outcome.statuses) == {200}


def test_starts_and_results_that_come_at_once_are_all_taken(key: Key) -> None:
    worker = load_key(key)

    statuses = asyncio.run(work_at_once(worker, token_of(worker), 256))

    # A result without a next task is 204.
    assert statuses == {200: 256, 204: 256}
