"""Whoever can write into Redis must not choose what a worker runs.

Each payload names a function that leaves a file behind. A real RQ worker of ours meets it; the
file must not be there, and the worker must still answer the next doorbell.
"""

import contextlib
import json
import os
import pickle
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from playground.jobs import drain as draining
from playground.jobs.doorbell import DRAIN
from playground.jobs.safe_job import SafeJob
from playground.jobs.worker import DoorbellWorker
from tests.support.services import Services


class Bench:
    """A worker of ours on a queue of its own, and a counter of doorbells it has answered."""

    def __init__(self, redis: Any, name: str) -> None:
        self.redis = redis
        self.queue = Queue(name, connection=redis, serializer=JSONSerializer, job_class=SafeJob)
        self.worker = DoorbellWorker(
            [self.queue], connection=redis, serializer=JSONSerializer, job_class=SafeJob
        )
        self.rung = 0

    def put(self, data: bytes, **fields: Any) -> None:
        """Write a job into Redis as an attacker would: a hash and an id in the queue's list."""
        job_id = f"planted-{time.monotonic_ns()}"
        self.redis.hset(
            f"rq:job:{job_id}",
            mapping={
                "created_at": "2026-01-01T00:00:00.000000Z",
                "data": data,
                "origin": self.queue.name,
                "status": "queued",
                "timeout": "180",
                **fields,
            },
        )
        self.redis.rpush(self.queue.key, job_id)

    def answer(self) -> None:
        """Let the worker meet one job. Errors of Redis itself make its thread reconnect."""
        with contextlib.suppress(RedisError):
            self.worker.answer_one()

    def still_answers(self) -> bool:
        """Whether the next doorbell is heard."""
        before = self.rung
        self.queue.enqueue(DRAIN, result_ttl=0)
        self.worker.answer_one()
        return self.rung == before + 1


@pytest.fixture
def bench(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    redis: Any = Redis.from_url(services.redis_url)
    bench = Bench(redis, f"planted-{os.getpid()}-{time.monotonic_ns()}")

    def ring() -> None:
        bench.rung += 1

    monkeypatch.setattr(draining, "_ring", ring)
    yield bench
    redis.close()


def call(function: str, *arguments: object, **named: object) -> bytes:
    """What RQ's JSON serializer writes for a call."""
    return json.dumps([function, None, list(arguments), named]).encode()


class _Pickled:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


def test_a_json_job_that_names_os_system_is_not_run(bench: Bench, tmp_path: Path) -> None:
    bench.put(call("os.system", f"touch {tmp_path}/got"))
    bench.answer()
    assert not (tmp_path / "got").exists()
    assert bench.still_answers()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_pickled_job_is_not_even_opened(bench: Bench, tmp_path: Path, compressed: bool) -> None:
    data = pickle.dumps(_Pickled(f"touch {tmp_path}/got"))
    bench.put(zlib.compress(data) if compressed else data)
    bench.answer()
    assert not (tmp_path / "got").exists()
    assert bench.still_answers()


@pytest.mark.parametrize("kind", ["success", "failure", "stopped"])
def test_a_callback_is_not_called(bench: Bench, tmp_path: Path, kind: str) -> None:
    bench.put(call(DRAIN), **{f"{kind}_callback_name": "os.system"})
    bench.answer()
    assert bench.still_answers()
    job = SafeJob.create(DRAIN, connection=bench.redis, serializer=JSONSerializer)
    setattr(job, f"_{kind}_callback_name", "os.system")
    with pytest.raises(PermissionError):
        getattr(job, f"{kind}_callback")


@pytest.mark.parametrize(
    "data",
    [
        call("builtins.eval", "__import__('os').system('touch /tmp/x')"),
        call("subprocess.check_output", ["id"]),
        call("playground.jobs.drain.answer_with", "os.system"),
        call("playground.jobs.drain.drain.__globals__"),
        call("playground.jobs.drain"),
        call(DRAIN, "an argument"),
        call(DRAIN, named="argument"),
        json.dumps([DRAIN, ["an instance"], [], {}]).encode(),
        json.dumps(["drain", "os", [], {}]).encode(),
        json.dumps({"func": "os.system"}).encode(),
        json.dumps(["os.system"]).encode(),
        json.dumps(None).encode(),
        b"",
        b"\x00\xff",
        b"[" * 100_000,
    ],
)
def test_a_strange_job_is_refused_and_the_worker_lives(bench: Bench, data: bytes) -> None:
    bench.put(data)
    bench.answer()
    assert bench.rung == 0
    assert bench.still_answers()


def test_an_id_without_a_job_is_passed_over(bench: Bench) -> None:
    bench.redis.rpush(bench.queue.key, "no-such-job")
    bench.answer()
    assert bench.still_answers()


def test_a_job_under_the_wrong_type_of_key_does_not_end_the_worker(bench: Bench) -> None:
    bench.redis.set("rq:job:a-string", "not a hash")
    bench.redis.rpush(bench.queue.key, "a-string")
    bench.answer()
    assert bench.still_answers()


def test_a_doorbell_leaves_nothing_in_redis(bench: Bench) -> None:
    job = bench.queue.enqueue(DRAIN, result_ttl=0)
    bench.answer()
    assert bench.rung == 1
    assert not bench.redis.exists(f"rq:job:{job.id}")
    assert bench.queue.count == 0
