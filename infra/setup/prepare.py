"""Makes the checkout ready to run or to test; does only what changed since the last time.

    python infra/setup/prepare.py run         .venv with the locked packages, and the front end
    python infra/setup/prepare.py test        the same with the test tools and test clients
    python infra/setup/prepare.py front-end   the front end alone

Needs nothing but the standard library, because it runs before anything is installed. Packages are
installed from locks with hashes, as binaries only, so nothing unlocked is fetched to build them.
What was done is kept as a hash beside the result; a hash that still fits means nothing to do.
"""

import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENT = CHECKOUT / ".venv"
LOCKS = CHECKOUT / "infra" / "locks"
ASSETS = CHECKOUT / "playground" / "web" / "assets"
BUILT = CHECKOUT / "playground" / "web" / "static" / "dist"
OLDEST_NODE = 20

# Works from any path: no interpreter line that could become too long, and it may be moved.
COMMAND = """#!/bin/sh
exec "$(dirname -- "$(readlink -f -- "$0")")/python" -m playground "$@"
"""


class Missing(Exception):
    """Something this machine lacks; the message is one sentence with the command that adds it."""


def main(words: list[str]) -> int:
    """Do what the first word asks; the exit status."""
    try:
        match words:
            case ["run"]:
                install("run")
                build_front_end()
            case ["test"]:
                install("test")
                build_front_end()
                install_test_clients()
            case ["front-end"]:
                build_front_end()
            case _:
                raise Missing("Usage: prepare.py run|test|front-end")
        name_missing_library()
    except Missing as sentence:
        sys.stderr.write(f"make: {sentence}\n")
        return 1
    except subprocess.CalledProcessError as error:
        command = " ".join(str(word) for word in error.cmd)
        sys.stderr.write(f"make: this failed, its own words are above: {command}\n")
        return 1
    return 0


def install(kind: str) -> None:
    """The environment with everything in that kind's lock."""
    make_environment()
    install_lock(LOCKS / f"{kind}.txt")
    link_checkout()


def make_environment() -> None:
    """`.venv`, made anew when it does not work or belongs to another Python than asked for."""
    python = ENVIRONMENT / "bin" / "python"
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    if _version(python) == wanted:
        return
    say(f"making .venv with Python {wanted}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)


def install_lock(lock: Path) -> None:
    """Exactly what the lock names, unless that was done already."""
    stamp = ENVIRONMENT / f".installed-{lock.stem}"
    wanted = digest([lock])
    if read(stamp) == wanted:
        return
    say(f"installing the packages of {lock.relative_to(CHECKOUT)}")
    # A minute or so; without dependencies to resolve pip only fetches, checks hashes and unpacks.
    subprocess.run(
        [
            ENVIRONMENT / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "-r",
            lock,
        ],
        check=True,
    )
    stamp.write_text(wanted)


def link_checkout() -> None:
    """Makes the checkout importable and gives it the command `.venv/bin/playground`.

    A path file instead of an editable install: nothing to build, nothing to fetch.
    """
    (packages,) = (ENVIRONMENT / "lib").glob("python3.*/site-packages")
    path_file = packages / "playground-checkout.pth"
    if read(path_file) != f"{CHECKOUT}\n":
        path_file.write_text(f"{CHECKOUT}\n")
    command = ENVIRONMENT / "bin" / "playground"
    if read(command) != COMMAND:
        command.write_text(COMMAND)
        command.chmod(0o755)


def build_front_end() -> None:
    """`static/dist` out of `web/assets`, unless it was built from just these files."""
    if not (ASSETS / "package.json").exists():
        raise Missing(f"The front end's sources are missing: there is no {ASSETS}/package.json.")
    sources = [
        file
        for file in ASSETS.rglob("*")
        if file.is_file() and "node_modules" not in file.relative_to(ASSETS).parts
    ]
    stamp = BUILT / ".built-from"
    wanted = digest(sources)
    if read(stamp) == wanted:
        return
    say("building the front end")
    node_environment = with_node()
    npm_install(ASSETS, node_environment)
    subprocess.run(["node", "build.mjs"], cwd=ASSETS, env=node_environment, check=True)
    BUILT.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted)


def install_test_clients() -> None:
    """The npm packages that tests use, such as clients of other makers."""
    locks = [
        lock
        for lock in (CHECKOUT / "tests").rglob("package-lock.json")
        if "node_modules" not in lock.parts
    ]
    for lock in locks:
        npm_install(lock.parent, with_node())


def npm_install(directory: Path, node_environment: dict[str, str]) -> None:
    """What `package-lock.json` names; no package may run a script while it is installed."""
    stamp = directory / "node_modules" / ".installed"
    wanted = digest([directory / "package-lock.json"])
    if read(stamp) == wanted:
        return
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=directory,
        env=node_environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted)


def with_node() -> dict[str, str]:
    """An environment whose PATH finds Node: the machine's, else the one of the locked package."""
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    if _node_major(environment) >= OLDEST_NODE and shutil.which("npm"):
        return environment
    say(f"no Node {OLDEST_NODE} or newer in PATH: using the locked one")
    make_environment()
    install_lock(LOCKS / "build.txt")
    environment["PATH"] = f"{ENVIRONMENT / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    if _node_major(environment) < OLDEST_NODE:
        raise Missing(
            f"Node {OLDEST_NODE} or newer is missing; install it with: apt install nodejs npm"
        )
    return environment


def name_missing_library() -> None:
    """The sandbox refuses to work without libseccomp; better said here than found later."""
    if sys.platform == "linux" and ctypes.util.find_library("seccomp") is None:
        say(
            "libseccomp is missing, so jq and JavaScript will be refused; install it with: "
            "apt install libseccomp2"
        )


def digest(files: Iterable[Path]) -> str:
    """One hash of the files' names and contents."""
    whole = hashlib.sha256()
    for file in sorted(files):
        name = file.relative_to(CHECKOUT).as_posix().encode()
        whole.update(name + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def read(file: Path) -> str:
    """The text of the file, empty when there is none."""
    try:
        return file.read_text()
    except OSError:
        return ""


def say(sentence: str) -> None:
    """A line about what takes time now."""
    sys.stderr.write(f"make: {sentence}\n")


def _version(python: Path) -> str:
    # An environment whose making was interrupted has no pip yet.
    code = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    return _output([str(python), "-c", code], dict(os.environ))


def _node_major(environment: dict[str, str]) -> int:
    version = _output(["node", "--version"], environment)
    major = version.removeprefix("v").split(".")[0]
    return int(major) if major.isdigit() else 0


def _output(command: list[str], environment: dict[str, str]) -> str:
    """What the command prints, empty when it cannot be run."""
    program = shutil.which(command[0], path=environment.get("PATH"))
    if program is None:
        return ""
    finished = subprocess.run(
        [program, *command[1:]], env=environment, capture_output=True, text=True, check=False
    )
    return finished.stdout.strip() if finished.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
