"""The data directory of one installation: secrets, state of the running one, and its lock.

    <data>/            0700
      lock             held (flock) by the one supervisor or command that uses the directory
      runtime.json     0600, what runs now: process ids and URLs; absent when nothing does
      secrets/         0700, one 0600 file each
      devidp-port      the development sign-in's port, chosen at the first start
      postgres/        the embedded cluster

Everything written here belongs to the owner of the directory, also when root writes it, so the
owner can use it again later. A lock dies with its holder: there is no stale pid file.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playground.settings import PREFIX, Unusable

STATE_FILE = "runtime.json"
LOCK_TRIES = 20
LOCK_PAUSE_SECONDS = 0.05


class DataDirectory:
    """Paths and files of one data directory; `prepare` before anything else."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make the directory if needed; raises `Unusable` when it cannot be ours."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = self.path.stat().st_uid
        except OSError as error:
            raise Unusable(
                f"The data directory {self.path} cannot be used ({error.strerror}); choose another "
                f"with {PREFIX}DATA_DIR."
            ) from error
        if os.geteuid() not in {0, owner}:
            raise Unusable(
                f"The data directory {self.path} belongs to {user_name(owner)}, not to "
                f"{user_name(os.geteuid())}; choose another with {PREFIX}DATA_DIR."
            )

    @property
    def owner(self) -> tuple[int, int]:
        """(uid, gid) of the directory."""
        status = self.path.stat()
        return status.st_uid, status.st_gid

    @property
    def fingerprint(self) -> str:
        """Twelve characters that tell this directory from any other on the machine."""
        status = self.path.stat()
        identity = f"{self.path.resolve()}:{status.st_dev}:{status.st_ino}"
        return hashlib.sha256(identity.encode()).hexdigest()[:12]

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory; raises `Unusable` naming the holder when another process does."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._give_to_owner(descriptor)
            if not _lock_soon(descriptor):
                raise Unusable(self._holder_sentence(descriptor))
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def is_locked(self) -> bool:
        """Whether some process holds the directory now."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
        """The secret of that name, made and kept when it is asked for the first time."""
        directory = self.path / "secrets"
        file = directory / name
        if not file.exists():
            directory.mkdir(mode=0o700, exist_ok=True)
            self._give_path_to_owner(directory)
            self._write_private(file, make())
        try:
            return file.read_text()
        except OSError as error:
            raise Unusable(f"The secret {file} cannot be read ({error.strerror}).") from error

    def remembered(self, name: str) -> str:
        """What `remember` kept under that name, empty when nothing."""
        try:
            return (self.path / name).read_text().strip()
        except OSError:
            return ""

    def remember(self, name: str, text: str) -> None:
        """Keep a small choice, such as a port, for the next start."""
        if self.remembered(name) != text:
            self._write_private(self.path / name, text)

    def write_state(self, state: dict[str, Any]) -> None:
        """Say what runs now, for commands like `key create`."""
        self._write_private(self.path / STATE_FILE, json.dumps(state, indent=2) + "\n")

    def read_state(self) -> dict[str, Any] | None:
        """What the running installation said of itself; None when nothing runs."""
        if not self.is_locked():
            return None
        try:
            state = json.loads((self.path / STATE_FILE).read_text())
        except (OSError, ValueError):
            return None
        return state if isinstance(state, dict) else None

    def left_behind(self) -> list[int]:
        """Process ids of an installation that ended without a word; for who holds the lock."""
        try:
            processes = json.loads((self.path / STATE_FILE).read_text())["processes"]
        except (OSError, ValueError, KeyError):
            return []
        return [pid for pid in processes.values() if isinstance(pid, int)]

    def clear_state(self) -> None:
        """Say that nothing runs."""
        (self.path / STATE_FILE).unlink(missing_ok=True)

    def _holder_sentence(self, descriptor: int) -> str:
        pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        return (
            f"Another playground (process {pid}) already uses the data directory {self.path}; "
            f"stop it, or choose another directory with {PREFIX}DATA_DIR and another port with "
            f"{PREFIX}PORT."
        )

    def _write_private(self, file: Path, text: str) -> None:
        """Write a 0600 file in one step: a reader sees the old text or the new, never a part."""
        descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(descriptor, "w") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
                self._give_to_owner(stream.fileno())
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _give_to_owner(self, descriptor: int) -> None:
        if os.geteuid() == 0:
            os.fchown(descriptor, *self.owner)

    def _give_path_to_owner(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, *self.owner, follow_symlinks=False)


def _lock_soon(descriptor: int) -> bool:
    """Take the lock, or find that it is really held: `is_locked` takes it for a moment too."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


def user_name(uid: int) -> str:
    """How to call a user in a sentence: its name, else its number."""
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user id {uid}"
