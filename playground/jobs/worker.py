"""An RQ worker that answers doorbells for one asyncio loop.

RQ's own workers fork or block for each job; a doorbell needs neither. This worker takes jobs off
the queue in a thread, runs them in place (each only sets a flag), and leaves all work to the loop.
It reconnects within a second when Redis was away, while the loop goes on draining by its timer.
"""

import logging
import threading
import time
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.serializers import JSONSerializer

from playground.jobs.doorbell import QUEUE
from playground.jobs.safe_job import SafeJob

log = logging.getLogger(__name__)

_RECONNECT_SECONDS: Final = 0.5
_BLOCK_SECONDS: Final = 2


class DoorbellWorker(SimpleWorker):
    """RQ's worker without a process per job and without a registry entry per ring."""

    def answer_one(self) -> bool:
        """Wait up to two seconds for a ring and answer it; False when none came."""
        try:
            found = Queue.dequeue_any(
                self.queues,
                _BLOCK_SECONDS,
                connection=self.connection,
                job_class=self.job_class,
                serializer=self.serializer,
            )
        except DequeueTimeout:
            return False
        if found is None:
            return False
        job, queue = found
        try:
            job.perform()
        except PermissionError:
            log.warning("a job that is not ours was refused: %.100r", job.func_name)
        except Exception:  # noqa: BLE001 - what a stranger wrote must not cost us the connection
            log.warning("a job nobody can read was refused: %.100r", job.id)
        finally:
            self._forget(job, queue)
        return True

    def _forget(self, job: Job, queue: Queue) -> None:
        """In one trip: RQ's own `delete` looks into every registry, and a ring is in none."""
        pipeline = self.connection.pipeline(transaction=False)
        pipeline.lrem(queue.intermediate_queue.key, 1, job.id)
        pipeline.delete(job.key)
        pipeline.execute()


class DoorbellThread(threading.Thread):
    """Answers doorbells until told to stop, whatever Redis does."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(name="doorbells", daemon=True)
        self._url = redis_url
        self.stopping = threading.Event()

    def run(self) -> None:
        """Connect, answer, reconnect."""
        while not self.stopping.is_set():
            connection: Any = Redis.from_url(
                self._url, socket_timeout=_BLOCK_SECONDS + 3, socket_connect_timeout=1
            )
            try:
                self._answer(connection)
            except (RedisError, OSError, TimeoutError):
                log.info("no Redis for doorbells; draining by the timer")
                time.sleep(_RECONNECT_SECONDS)
            except Exception:
                log.exception("answering doorbells failed")
                time.sleep(_RECONNECT_SECONDS)
            finally:
                connection.close()

    def _answer(self, connection: Any) -> None:
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer, job_class=SafeJob)
        worker = DoorbellWorker(
            [queue], connection=connection, serializer=JSONSerializer, job_class=SafeJob
        )
        worker.register_birth()  # type: ignore[no-untyped-call]
        try:
            beat = time.monotonic()
            while not self.stopping.is_set():
                worker.answer_one()
                if time.monotonic() - beat > 30:
                    worker.heartbeat()
                    beat = time.monotonic()
        finally:
            if self.stopping.is_set():
                worker.register_death()  # type: ignore[no-untyped-call]
