"""Ringing: an RQ job that says "something is due", never what.

Ringing only sets a flag. One background thread of the process enqueues, with a short time-out, and
swallows every error: a lost ring costs time, no work. RQ's client is synchronous, so nothing of it
may run on the event loop.

Executors that hear the hint which goes out beside each ring (`wakeups.WORK`) are at work before a
job could have been written and read; the job is for whoever did not hear it. So it is enqueued a
little later, out of the way of the request that rang, and one for all rings of that time.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from playground.jobs.safe_job import SafeJob

log = logging.getLogger(__name__)

QUEUE: Final = "doorbells"
DRAIN: Final = "playground.jobs.drain.drain"
_AFTER_THE_HINT_SECONDS: Final = 0.03
_TIMEOUT_SECONDS: Final = 0.5
_PAUSE_AFTER_ERROR_SECONDS: Final = 0.5
_MOST_WAITING: Final = 32


class Doorbell:
    """Rings for the executors of all processes."""

    def __init__(self, redis_url: str, *, connect: Callable[..., Any] = Redis.from_url) -> None:
        self._redis: Any = connect(
            redis_url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
        )
        self._queue = Queue(
            QUEUE, connection=self._redis, serializer=JSONSerializer, job_class=SafeJob
        )
        self._rung = threading.Event()
        self._unanswered = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)

    def start(self) -> None:
        """Start the thread that enqueues."""
        self._thread.start()

    def stop(self) -> None:
        """Ring what is left to ring, and end."""
        self._closing = True
        self._rung.set()
        self._thread.join(timeout=2)
        self._redis.close()

    def ring(self) -> None:
        """Say that something is due. Never blocks, never fails; rings at once become one."""
        self._rung.set()

    def _run(self) -> None:
        while not self._closing:
            self._rung.wait()
            time.sleep(_AFTER_THE_HINT_SECONDS)
            # Before enqueueing, so that a ring that comes meanwhile is rung again.
            self._rung.clear()
            try:
                self._enqueue()
            except (RedisError, OSError):
                log.debug("the doorbell is out of order; the clock finds the work")
                time.sleep(_PAUSE_AFTER_ERROR_SECONDS)

    def _enqueue(self) -> None:
        """One trip: what RQ writes for a job, and how many wait now."""
        # Bells that nobody has answered yet will do for this one too.
        if self._unanswered >= _MOST_WAITING and self._queue.count >= _MOST_WAITING:
            return
        pipeline = self._redis.pipeline()
        self._queue.enqueue(DRAIN, result_ttl=0, failure_ttl=60, ttl=60, pipeline=pipeline)
        pipeline.llen(self._queue.key)
        self._unanswered = pipeline.execute()[-1]
