"""What all pages of one installation have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SignInChoice:
    """A provider to sign in with; `path` begins the login, with `?next=` where to go after."""

    name: str
    label: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Site:
    """`operators` as in the settings: `issuer|subject` or a verified e-mail address."""

    public_url: str
    version: str
    sign_in_choices: tuple[SignInChoice, ...] = ()
    sign_out_path: str = "/auth/logout"
    operators: tuple[str, ...] = ()
    openapi: Mapping[str, Any] = field(default_factory=dict)
    visitor_limits: Mapping[str, Any] = field(default_factory=dict)
    """The plan that a person who signs in gets, as the landing page tells it."""
