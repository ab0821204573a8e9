"""Who the embedded services run as, and the short-lived directory that they live in."""

import contextlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from playground.data_directory import DataDirectory, user_name
from playground.settings import PREFIX, Unusable

# 60706 to 61183 is assigned to nobody by systemd's and Debian's rules for user ids.
FIRST_SERVICE_UID = 60_706
SERVICE_UIDS = 478
# The kernel takes 107 bytes for a socket's path; PostgreSQL's own name takes up to 20 of them.
LONGEST_SOCKET_DIRECTORY = 80


@dataclass(frozen=True, kw_only=True)
class ServiceUser:
    """Who the services run as; `identity` None = as ourselves.

    `initdb_identity` is who may run initdb, which refuses user ids that have no passwd entry.
    """

    identity: tuple[int, int] | None
    initdb_identity: tuple[int, int] | None

    @classmethod
    def of(cls, data: DataDirectory) -> "ServiceUser":
        """The user for this data directory, seen from the user we are."""
        if os.geteuid() != 0:
            if _passwd_entry(os.geteuid()) is None and not (data.path / "postgres").exists():
                raise Unusable(
                    f"User id {os.geteuid()} has no entry in /etc/passwd, which PostgreSQL needs "
                    f"to make a database; add one, or set {PREFIX}DATABASE_URL."
                )
            return cls(identity=None, initdb_identity=None)
        uid, gid = data.owner
        if uid == 0:
            uid = gid = FIRST_SERVICE_UID + int(data.fingerprint, 16) % SERVICE_UIDS
        named = _passwd_entry(uid) or _passwd_entry_of_anyone()
        return cls(identity=(uid, gid), initdb_identity=named)


class RuntimeDirectory:
    """The short-lived directory beside a data directory: sockets, and as root the binaries."""

    def __init__(self, data: DataDirectory, user: ServiceUser) -> None:
        self.user = user
        self.path = _runtime_base() / _runtime_name(data)
        self.sockets = self.path / "s"

    def prepare(self) -> None:
        """Make it anew; raises `Unusable` when somebody else's directory is in its place."""
        _refuse_foreign(self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        try:
            self.path.mkdir(mode=0o700)
            self.sockets.mkdir(mode=0o700)
        except OSError as error:
            raise Unusable(
                f"The directory {self.path} for sockets cannot be made ({error.strerror})."
            ) from error
        if self.user.identity is not None:
            # The service user must pass through to its sockets and binaries; it cannot list.
            self.path.chmod(0o711)
            os.chown(self.sockets, *self.user.identity)
        if len(os.fsencode(self.sockets)) > LONGEST_SOCKET_DIRECTORY:
            raise Unusable(f"The path {self.sockets} is too long for a socket.")

    def remove(self) -> None:
        """Leave nothing behind on the machine."""
        shutil.rmtree(self.path, ignore_errors=True)

    def private_file(self, name: str, text: str) -> Path:
        """A 0600 file that whoever runs initdb can read."""
        file = self.path / name
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            if self.user.initdb_identity is not None:
                os.fchown(descriptor, *self.user.initdb_identity)
        return file


def secret_name(role: str) -> str:
    """The file of the data directory's secrets with this role's password."""
    return role.replace("_", "-")


def chown_tree(tree: Path, uid: int, gid: int) -> None:
    """Give a tree away without following a link out of it."""
    for _directory, _names, files, descriptor in os.fwalk(tree):
        os.fchown(descriptor, uid, gid)
        for name in files:
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)


def _passwd_entry(uid: int) -> tuple[int, int] | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def _passwd_entry_of_anyone() -> tuple[int, int]:
    entries = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    entries.sort(key=lambda entry: entry.pw_name != "nobody")
    if not entries:
        raise Unusable(
            "PostgreSQL does not run as root, and this machine has no other user to start it as; "
            "add one with: useradd --system playground"
        )
    return entries[0].pw_uid, entries[0].pw_gid


def _runtime_base() -> Path:
    """The first directory in which sockets may live; root's must also allow execution."""
    if os.geteuid() != 0:
        return Path("/tmp")  # noqa: S108 - short by need; ours is checked by owner and mode
    for base in (Path("/run"), Path("/var/tmp"), Path("/tmp")):  # noqa: S108 - as above
        with contextlib.suppress(OSError):
            if not os.statvfs(base).f_flag & (os.ST_NOEXEC | os.ST_RDONLY):
                return base
    raise Unusable("None of /run, /var/tmp and /tmp can hold the sockets of the embedded services.")


def _runtime_name(data: DataDirectory) -> str:
    if os.geteuid() == 0:
        return f"playground-{data.fingerprint}"
    return f"playground-{os.geteuid()}-{data.fingerprint}"


def _refuse_foreign(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
            raise Unusable(
                f"{path} is in the way and belongs to {user_name(status.st_uid)}; remove it."
            )
