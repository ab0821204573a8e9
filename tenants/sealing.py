"""Sealing small values of tenants before they are stored: AES-256-GCM under the playground's keys.

The first key seals, every key opens: a key is changed by putting the new one in front, and
dropped once nothing sealed with it is left. A sealed value names its key, carries its nonce, and
opens only in the place it was sealed for (`place`, such as namespace and name): a row copied to
another tenant or another name is noise there.
"""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.errors import TenantError

log = logging.getLogger(__name__)

KEY_BYTES: Final = 32
_FORM: Final = b"\x01"
_NAME_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_HEAD: Final = len(_FORM) + _NAME_BYTES + _NONCE_BYTES


class NoSealingKey(TenantError):
    """This playground has no key to keep secrets with; its operator must set one."""

    status = 503
    code = "NO_SECRETS_KEY"


class Unopenable(TenantError):
    """This was stored with a key that the playground no longer has; store it again."""

    status = 503
    code = "UNREADABLE_SECRET"


class Keyring:
    """The keys of an installation, each of `KEY_BYTES` random bytes, the current one first."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._ciphers = {hashlib.sha256(key).digest()[:_NAME_BYTES]: AESGCM(key) for key in keys}

    def __repr__(self) -> str:
        return f"Keyring({len(self._ciphers)} keys)"

    def seal(self, text: str, *, place: str) -> bytes:
        """Raises `NoSealingKey` when there is none."""
        for name, cipher in self._ciphers.items():
            nonce = secrets.token_bytes(_NONCE_BYTES)
            return _FORM + name + nonce + cipher.encrypt(nonce, text.encode(), place.encode())
        raise NoSealingKey

    def open(self, sealed: bytes, *, place: str) -> str:
        """Raises `Unopenable` for a lost key, another place, or bytes that were changed."""
        cipher = self._ciphers.get(sealed[len(_FORM) : len(_FORM) + _NAME_BYTES])
        if cipher is None or sealed[: len(_FORM)] != _FORM:
            raise Unopenable
        nonce = sealed[_HEAD - _NONCE_BYTES : _HEAD]
        try:
            return cipher.decrypt(nonce, sealed[_HEAD:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unopenable from error

    def open_or_none(self, sealed: bytes, *, place: str) -> str | None:
        """None where `open` raises; that is logged, without the value's name."""
        try:
            return self.open(sealed, place=place)
        except Unopenable:
            log.exception("a sealed value cannot be opened; is a key missing?")
            return None

    def opens_to(self, sealed: bytes, text: str, *, place: str) -> bool:
        """Whether that is what was sealed, with the current key."""
        current = next(iter(self._ciphers), None)
        if current != sealed[len(_FORM) : len(_FORM) + _NAME_BYTES]:
            return False
        return self.open_or_none(sealed, place=place) == text
