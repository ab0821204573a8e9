"""What both sides agreed on beforehand, as with any provider: the client, and who people are."""

import unicodedata
from typing import Final

from tenants.directory import Identity, display_name
from tenants.oauth import Provider, openid

PROVIDER_NAME: Final = "development"
CLIENT_ID: Final = "playground"
# The provider's URL contains a port that may be another one tomorrow; its people stay the same.
ACCOUNT_ISSUER: Final = "urn:playground:development"
NAME_MAX_CHARACTERS: Final = 60


def callback_url(public_url: str) -> str:
    """The only address that codes are sent to."""
    return f"{public_url.rstrip('/')}/auth/{PROVIDER_NAME}/callback"


def provider(issuer: str) -> Provider:
    """The configuration under which the playground knows the provider at `issuer`."""
    return openid(
        name=PROVIDER_NAME,
        issuer=issuer,
        client_id=CLIENT_ID,
        label="any name",
        account_issuer=ACCOUNT_ISSUER,
    )


def person_name(typed: str) -> str:
    """A typed name as it is shown; empty when nothing of it can be shown."""
    if not any(character.isalnum() for character in typed):
        return ""
    return display_name(typed)[:NAME_MAX_CHARACTERS].strip()


def subject_of(name: str) -> str:
    """Who someone of this name is: `Ada`, `ada ` and `ADA` are one person."""
    return unicodedata.normalize("NFKC", person_name(name)).casefold()


def identity_of(name: str) -> Identity:
    """The identity that signing in at the provider as `name` gives."""
    return Identity(issuer=ACCOUNT_ISSUER, subject=subject_of(name), name=person_name(name))
