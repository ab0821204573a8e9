"""What the engine refuses, by problem. `playground.problems` maps each to a status.

PlaygroundError
├── NotFound            not there, or not yours: the two are not told apart
│   └── NoSuchWorkflow  no definition of that name and version is registered
├── Conflict            the state of the thing does not allow it
│   └── TerminalState   it has ended already
├── IllegalState        a verb that Conductor refuses with 500, its words kept
├── Invalid             the request is malformed or breaks a rule
│   └── InvalidFields   the same with one finding per field
├── PayloadTooLarge     a body, input, output or variables above its limit
└── Unavailable         a store or the sandbox is away; try again
"""

from dataclasses import dataclass


class PlaygroundError(Exception):
    """Something went wrong."""

    def __init__(self, message: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)


class NotFound(PlaygroundError):
    """Not found."""


class NoSuchWorkflow(NotFound):
    """No such workflow defined. Conductor has other words for it where the name is in a path."""

    def __init__(self, name: str, version: int | None) -> None:
        wanted = "null" if version is None else version
        super().__init__(f"No such workflow defined. name={name}, version={wanted}")
        self.of_path = f"No such workflow found by name: {name}, version: {wanted}"


class Conflict(PlaygroundError):
    """The current state does not allow this."""


class TerminalState(Conflict):
    """It has ended already."""


class IllegalState(PlaygroundError):
    """The state does not allow this."""


class Invalid(PlaygroundError):
    """The request is not valid."""


@dataclass(frozen=True)
class Finding:
    """One violation: `path` as in `tasks[0].name`; `invalid_value` only for scalars."""

    path: str
    message: str
    invalid_value: str | None = None


class InvalidFields(Invalid):
    """Validation failed, check below errors for detail."""

    def __init__(self, findings: list[Finding], message: str = "") -> None:
        super().__init__(message)
        self.findings = findings


class PayloadTooLarge(Invalid):
    """The payload is too large."""


class Unavailable(PlaygroundError):
    """A part of the playground is away for a moment; try again."""
