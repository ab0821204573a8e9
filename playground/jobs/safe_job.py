"""Jobs that can only be ours: whoever writes into Redis must not choose what we run.

RQ calls any importable function a job names, with any serializer. A `SafeJob` runs the functions
on the list, without an instance, arguments or callbacks, and refuses everything else.
"""

from typing import Any, Final

from rq.job import Job

ALLOWED: Final = frozenset({"playground.jobs.drain.drain"})


class SafeJob(Job):
    """A job that is refused unless it is one of ours."""

    @property
    def func(self) -> Any:
        self._refuse_strangers()
        return super().func

    def perform(self) -> Any:
        """Run the function, or raise `PermissionError`.

        RQ's own also keeps the job from expiring while it runs; one that sets a flag cannot.
        """
        self._refuse_strangers()
        return self.func()

    @property
    def success_callback(self) -> Any:
        self._refuse_callback(self._success_callback_name)
        return None

    @property
    def failure_callback(self) -> Any:
        self._refuse_callback(self._failure_callback_name)
        return None

    @property
    def stopped_callback(self) -> Any:
        self._refuse_callback(self._stopped_callback_name)
        return None

    def _refuse_strangers(self) -> None:
        if self.func_name not in ALLOWED or self.instance is not None or self.args or self.kwargs:
            raise PermissionError("this job is not one of the playground's")

    @staticmethod
    def _refuse_callback(name: str | None) -> None:
        if name:
            raise PermissionError("jobs of the playground have no callbacks")
