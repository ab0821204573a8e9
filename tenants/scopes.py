"""What a caller may do: the table of scopes, and the roles of Conductor that grant them.

Each route names one scope; `require` compares it with the caller's. Applications have roles (the
names Conductor's clients know), people have every scope of their own namespace.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tenants.caller import Caller
from tenants.errors import AccessDenied


@dataclass(frozen=True, slots=True)
class Scope:
    """One right; `implies` names the scopes that come with it."""

    name: str
    description: str
    implies: tuple[str, ...] = ()


SCOPES: Final[Mapping[str, Scope]] = MappingProxyType(
    {
        scope.name: scope
        for scope in (
            Scope("metadata:read", "Read workflow, task and schema definitions"),
            Scope("metadata:write", "Register, change and delete definitions", ("metadata:read",)),
            Scope("workflow:read", "Read and search executions"),
            Scope(
                "workflow:run",
                "Start, signal and control executions",
                ("workflow:read", "metadata:read"),
            ),
            Scope("task:read", "Read tasks, their logs and queue sizes"),
            Scope("task:work", "Poll for tasks, update them and write their logs", ("task:read",)),
            Scope("event:read", "Read event handlers and event executions"),
            Scope("event:write", "Change event handlers and publish events", ("event:read",)),
            Scope("schedule:read", "Read schedules"),
            Scope("schedule:write", "Change schedules", ("schedule:read",)),
            Scope("environment:read", "Read environment variables"),
            Scope("environment:write", "Change environment variables", ("environment:read",)),
            Scope("secret:read", "List secrets and read their values"),
            Scope("secret:write", "Change secrets", ("secret:read",)),
            Scope("webhook:read", "Read webhooks"),
            Scope("webhook:write", "Change webhooks", ("webhook:read",)),
            Scope("human:work", "List, claim and complete human tasks"),
            Scope("application:read", "List applications and access keys"),
            Scope("application:write", "Change applications and keys", ("application:read",)),
        )
    }
)

ALL: Final = frozenset(SCOPES)
NONE: Final[frozenset[str]] = frozenset()


def closure(names: Iterable[str]) -> frozenset[str]:
    """The scopes named and all that they imply; raises KeyError for an unknown name."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(SCOPES[name].implies)
    return frozenset(found)


_READ: Final = closure(name for name in ALL if name.endswith(":read") and name != "secret:read")
_WORK: Final = closure(("task:work", "metadata:read", "workflow:read", "environment:read"))

# Role of an application → scopes. A namespace is one person's own, so the roles that an
# administrator of a shared cluster would grant are theirs to grant.
ROLES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "USER": closure((*_READ, "workflow:run", "human:work")),
        "WORKER": closure((*_WORK, "secret:read")),
        "UNRESTRICTED_WORKER": closure((*_WORK, "secret:read", "metadata:write")),
        "METADATA_API": closure(("metadata:write",)),
        "METADATA_MANAGER": closure(
            ("metadata:write", "event:write", "schedule:write", "environment:write")
        ),
        "WORKFLOW_MANAGER": closure(("workflow:run", "task:work", "schedule:write", "human:work")),
        "APPLICATION_CREATOR": closure(("application:read",)),
        "APPLICATION_MANAGER": closure(("application:write",)),
        "ADMIN": ALL,
    }
)


def of_roles(roles: Iterable[str]) -> frozenset[str]:
    """The scopes of an application with these roles; unknown roles grant nothing."""
    return frozenset().union(*(ROLES.get(role, NONE) for role in roles))


def require_grantable(caller: Caller, roles: Iterable[str]) -> None:
    """Raise `AccessDenied` unless `caller` has every scope these roles give.

    Otherwise a key that manages applications could make itself one that may do everything.
    """
    roles = sorted(roles)
    if not of_roles(roles) <= caller.scopes:
        raise AccessDenied(
            f"The roles {', '.join(roles)} allow more than the roles of this application do; "
            "only someone who may do all of it can hand it on."
        )


def require(caller: Caller, scope: str) -> None:
    """Raise `AccessDenied` unless `caller` has `scope`."""
    if scope not in caller.scopes:
        raise AccessDenied(
            f"This needs the scope {scope} ({SCOPES[scope].description.lower()}), "
            "which the roles of this application do not include."
        )
