"""`playground restart`: roles of a running `up` anew, without a pause for anybody.

After an update of the code, for instance. Exit status 0 when every process was replaced.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playground.control import DONE, restart
from playground.data_directory import DataDirectory
from playground.settings import Settings, Unusable

ROLES: Final = ("sandbox", "clock", "executor", "web")


def main(settings: Settings, arguments: argparse.Namespace) -> int:
    """Replace the processes of the roles named, or of all, and say which; the exit status."""
    roles = arguments.roles or ROLES
    for role in roles:
        if role not in ROLES:
            raise Unusable(f"{role!r} cannot be restarted; these can: {', '.join(ROLES)}.")
    state = DataDirectory(settings.data_dir).read_state()
    if state is None or not state.get("control"):
        raise Unusable(f"No playground runs on {settings.data_dir}.")
    return asyncio.run(_restart(Path(state["control"]), roles))


async def _restart(path: Path, roles: Sequence[str]) -> int:
    last = ""
    async for line in restart(path, roles):
        last = line
        if line != DONE:
            print(line)
    return 0 if last == DONE else 1
