"""What tenancy refuses, by problem. Each class says its HTTP status and machine code.

TenantError
├── NotAuthenticated     401  nobody said who is calling
│   ├── InvalidToken     401  malformed, forged, or its key was revoked
│   ├── ExpiredToken     401  past its time; mint another
│   ├── InvalidCredentials 401  key id or secret is wrong
│   └── SignInRequired   401  a page that needs a session
├── AccessDenied         403  known, but not allowed
│   ├── CrossSiteRequest 403  a form that was not sent from our own pages
│   └── Suspended        403  the namespace or the user is suspended
├── QuotaExceeded        429  a limit of the plan is reached
├── RateLimited          429  too many requests for now; says when to come back
├── TooLarge             413  more than this place takes
└── SignInFailed         400  signing in did not work; the person may start again
    └── ProviderUnavailable 502  the sign-in provider could not be reached or answered nonsense

The codes of 401 and 403 are part of the contract with Conductor's clients: EXPIRED_TOKEN and
INVALID_TOKEN make them mint a new token and try once more, any other code does not.
"""

from typing import ClassVar


class TenantError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "ERROR"

    def __init__(self, message: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)


class NotAuthenticated(TenantError):
    """This needs a token: create an access key and exchange it at /api/token."""

    status = 401
    # Not a code of its own: it makes clients whose first mint failed try again.
    code = "INVALID_TOKEN"


class InvalidToken(NotAuthenticated):
    """The token is not valid, or its access key was revoked."""


class ExpiredToken(NotAuthenticated):
    """Token has expired."""

    code = "EXPIRED_TOKEN"


class InvalidCredentials(NotAuthenticated):
    """The key id or the key secret is wrong, or the key is inactive."""

    code = "INVALID_CREDENTIALS"


class SignInRequired(NotAuthenticated):
    """Please sign in to see this page."""

    code = "SIGN_IN_REQUIRED"


class AccessDenied(TenantError):
    """You are not allowed to do this."""

    status = 403
    code = "ACCESS_DENIED"


class CrossSiteRequest(AccessDenied):
    """This form was not sent from a page of the playground, or it is too old; load it again."""

    code = "CROSS_SITE_REQUEST"


class Suspended(AccessDenied):
    """This namespace is suspended."""

    code = "SUSPENDED"


class QuotaExceeded(TenantError):
    """A limit of your plan is reached."""

    status = 429
    code = "QUOTA_EXCEEDED"

    def __init__(self, message: str = "", *, quota: str = "", limit: int = 0) -> None:
        super().__init__(message)
        self.quota = quota
        self.limit = limit


class RateLimited(TenantError):
    """Too many requests; please slow down."""

    status = 429
    code = "RATE_LIMITED"

    def __init__(self, message: str = "", *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooLarge(TenantError):
    """This is larger than the playground takes here."""

    status = 413
    code = "TOO_LARGE"


class SignInFailed(TenantError):
    """Signing in did not work; please start again."""

    code = "SIGN_IN_FAILED"


class ProviderUnavailable(SignInFailed):
    """The sign-in provider could not be reached; please try again in a moment."""

    status = 502
    code = "PROVIDER_UNAVAILABLE"
