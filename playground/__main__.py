"""The command line: parsing only. What a command does lives in the module `_ENTRIES` names.

Modules are loaded when their command is chosen: the sandbox must not carry the whole playground,
and `--help` should not wait for it.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from playground import logs
from playground.settings import EXIT_UNUSABLE, Settings, Unusable, read_settings

# command → "module:function"; roles take the settings, tools also the parsed arguments.
_ROLES = {
    "up": "playground.supervisor:up",
    "web": "playground.app:serve_web",
    "executor": "playground.roles:run_executor",
    "clock": "playground.roles:run_clock",
    "devidp": "playground.devidp.server:main",
    "migrate": "playground.migrations:main",
}
_TOOLS = {
    "key": "playground.cli.key:main",
    "demo": "playground.cli.demo:main",
    "check": "playground.cli.check:main",
    "restart": "playground.cli.restart:main",
}
_SANDBOX = "playground.sandbox.server:main"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["sandbox"]:
            # Its arguments are its own, and its environment is empty: there are no settings.
            return _status(_entry("sandbox", _SANDBOX)(words[1:]))
        arguments = _parser().parse_args(words)
        return _run(arguments)
    except Unusable as sentence:
        sys.stderr.write(f"playground: {sentence}\n")
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    command = arguments.command
    # Tools speak to a person; what went wrong is all there is to log.
    logs.configure(
        level=settings.log_level if command in _ROLES else "error",
        as_json=settings.log_format == "json" and command in _ROLES,
        role=command,
    )
    if command in _ROLES:
        return _status(_entry(command, _ROLES[command])(settings))
    tool = _entry(command, _TOOLS[command])
    return _with_installation(settings, lambda live: _status(tool(live, arguments)), command)


def _with_installation(settings: Settings, tool: Callable[[Settings], int], command: str) -> int:
    running = importlib.import_module("playground.running")
    if command == "demo":
        return _status(running.with_everything(settings, tool))
    if command == "restart":
        return _status(running.with_running(settings, tool))
    return _status(running.with_installation(settings, tool))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="playground",
        description="A multi-tenant, Conductor-compatible workflow playground.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, about in (
        (
            "up",
            "everything: embedded PostgreSQL and Redis where no URL is set, and all roles",
        ),
        ("web", "the site and the API"),
        ("executor", "runs system tasks"),
        ("clock", "finds due timers, lost leases and lost doorbells"),
        ("devidp", "the development sign-in, an OpenID provider"),
        ("migrate", "bring the database to the newest revision"),
        (
            "demo",
            "PopulationMaxMin from start to result over HTTP; starts a playground if needed",
        ),
        ("check", "say what of this installation works"),
    ):
        commands.add_parser(name, help=about, description=about)
    commands.add_parser("sandbox", help="the confined evaluator of jq and JavaScript")
    _add_restart(commands)
    _add_key(commands)
    return parser


def _add_restart(commands: Any) -> None:
    about = "start roles of a running `up` anew, one process at a time and without a pause"
    restart = commands.add_parser("restart", help=about, description=about)
    restart.add_argument(
        "roles", nargs="*", metavar="role", help="web, executor, clock or sandbox; none = all"
    )


def _add_key(commands: Any) -> None:
    key = commands.add_parser("key", help="access keys, without a browser")
    actions = key.add_subparsers(dest="action", required=True, metavar="action")
    create = actions.add_parser("create", help="create a key and print it as one JSON object")
    create.add_argument(
        "--as", dest="owner", required=True, metavar="NAME", help="development user"
    )
    create.add_argument("--plan", help="the namespace's plan, for example visitor or local")


def _entry(command: str, address: str) -> Callable[..., Any]:
    module_name, function_name = address.split(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise
        raise Unusable(
            f"`{command}` is not part of this installation: there is no {module_name}."
        ) from error
    entry: Callable[..., Any] | None = getattr(module, function_name, None)
    if entry is None:
        raise Unusable(
            f"`{command}` is not part of this installation: {module_name} has no {function_name}."
        )
    return entry


def _status(answer: object) -> int:
    """A command may answer with its exit status, or with nothing when all went well."""
    return answer if isinstance(answer, int) else 0


if __name__ == "__main__":
    sys.exit(main())
