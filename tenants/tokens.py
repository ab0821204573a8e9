"""Tokens of the API: minted from an access key, carried in X-Authorization, checked each time.

A person's own pages get one from the session instead, for a few minutes; it ends with the session.

A token is a JWT signed with a key of our own (HS256): minting and checking one take microseconds,
because some clients mint one before each request. The signature says which key it came from;
whether that key may still be used is asked of the database, at most once in 0.8 seconds per key
and process, so revoking a key or suspending a namespace works everywhere within a second.
"""

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from tenants import keys, sessions
from tenants.caller import Caller
from tenants.database import Database, Role
from tenants.errors import (
    ExpiredToken,
    InvalidCredentials,
    InvalidToken,
    RateLimited,
    Suspended,
)
from tenants.keys import KeyOwner
from tenants.rate_limits import Limiter, Rate, address_group
from tenants.sessions import Session

DAY_MS: Final = 86_400_000
DEFAULT_LIFE_MS: Final = DAY_MS
MIN_LIFE_MS: Final = 1_000
# What "never expires" comes to; the key can be revoked all the while.
MAX_LIFE_MS: Final = 366 * DAY_MS
SESSION_LIFE_MS: Final = 600_000
STANDING_SECONDS: Final = 0.8
FAILED_KEYS: Final = Rate(per_second=20 / 60, burst=20)
_MAX_CHARACTERS: Final = 2_048
_REMEMBERED: Final = 10_000


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A token for a person's own pages, and when it ends."""

    token: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class _Claims:
    """Of a token: the key or, where that is "", the session it was made for."""

    key_id: str
    session_handle: str
    expires_s: int


@dataclass(frozen=True, slots=True)
class _Standing:
    asked_at: float
    owner: "asyncio.Task[Any]"


class Tokens:
    """Mints and checks the tokens of one installation; `secret` is shared by its processes."""

    def __init__(
        self, database: Database, secret: bytes, limiter: Limiter, *, now_ms: Callable[[], int]
    ) -> None:
        self._database = database
        self._limiter = limiter
        self._now_ms = now_ms
        self._signing_key = OctKey.import_key(
            hmac.digest(secret, b"playground access tokens", hashlib.sha256)
        )
        self._claims: OrderedDict[str, _Claims] = OrderedDict()
        self._standings: OrderedDict[str, _Standing] = OrderedDict()
        self._proven: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    async def exchange(
        self, key_id: str, key_secret: str, *, expiration_ms: int | None = None, address: str
    ) -> str:
        """A token for an access key.

        `expiration_ms` is the life asked for: None means a day, below 0 "for ever". Raises
        `InvalidCredentials`, `Suspended`, or `RateLimited` for an address that guessed too often
        and for a namespace that mints too much.
        """
        await self._refuse_guessers(key_id, key_secret, address)
        owner = await self._owner(key_id)
        if not keys.fits(owner, key_secret) or owner is None or not owner.active:
            await self._limiter.charge(_failures(address), FAILED_KEYS)
            raise InvalidCredentials
        _remember(self._proven, (address, key_id), keys.digest(key_secret))
        if owner.suspended:
            raise Suspended
        admission = await self._limiter.admit(owner.caller.namespace, "token", owner.caller.plan)
        if not admission.allowed:
            raise RateLimited(retry_after_seconds=admission.retry_after_seconds)
        return self._mint(owner, _life_ms(expiration_ms))

    async def caller(self, token: str) -> Caller:
        """Who calls with this token; raises `InvalidToken`, `ExpiredToken` or `Suspended`."""
        claims = self._claims.get(token) or self._read(token)
        if claims.expires_s * 1_000 <= self._now_ms():
            raise ExpiredToken
        if claims.session_handle:
            return await self._caller_of_session(claims.session_handle)
        owner = await self._owner(claims.key_id)
        if owner is None or not owner.active:
            raise InvalidToken
        if owner.suspended:
            raise Suspended
        return owner.caller

    def for_session(self, session: Session) -> SessionToken:
        """A token that lets a person's own pages call the API as that person.

        It lives for ten minutes and no longer than the session; signing out ends it.
        """
        expires_s = min(self._now_ms() + SESSION_LIFE_MS, session.expires_at) // 1_000
        caller = session.member.caller
        claims = {
            "sub": caller.subject,
            "name": caller.label,
            "session": session.handle,
            "iat": self._now_ms() // 1_000,
            "exp": expires_s,
        }
        return SessionToken(self._sign(claims), expires_s * 1_000)

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token whose signature is ours; raises `InvalidToken`."""
        if len(token) > _MAX_CHARACTERS:
            raise InvalidToken
        try:
            return jwt.decode(token, self._signing_key, algorithms=["HS256"]).claims
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise InvalidToken from error

    def _read(self, token: str) -> _Claims:
        claims = self.claims(token)
        key_id, handle = claims.get("key", ""), claims.get("session", "")
        expires_s = claims.get("exp")
        if not isinstance(key_id, str) or not isinstance(handle, str):
            raise InvalidToken
        if not isinstance(expires_s, int) or bool(key_id) == bool(handle):
            raise InvalidToken
        read = _Claims(key_id, handle, expires_s)
        _remember(self._claims, token, read)
        return read

    def _mint(self, owner: KeyOwner, life_ms: int) -> str:
        now_s = self._now_ms() // 1_000
        claims = {
            "sub": owner.caller.subject,
            "name": owner.caller.label,
            "key": owner.key_id,
            "iat": now_s,
            "exp": -((-self._now_ms() - life_ms) // 1_000),
        }
        return self._sign(claims)

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, self._signing_key)

    async def _refuse_guessers(self, key_id: str, key_secret: str, address: str) -> None:
        """Refuse an address that guessed too often, but not who has proven their key from there.

        Their neighbours behind one address go on working while somebody guesses; a guesser gains
        nothing, because only the very secret that fitted before passes.
        """
        proven = self._proven.get((address, key_id))
        if proven is not None and hmac.compare_digest(proven, keys.digest(key_secret)):
            return
        admission = await self._limiter.peek(_failures(address), FAILED_KEYS)
        if not admission.allowed:
            raise RateLimited(
                "Too many failed attempts with wrong keys from your address; please wait.",
                retry_after_seconds=admission.retry_after_seconds,
            )

    async def _owner(self, key_id: str) -> KeyOwner | None:
        return await self._standing(f"key:{key_id}", lambda: self._ask_owner(key_id))

    async def _caller_of_session(self, handle: str) -> Caller:
        session = await self._standing(f"session:{handle}", lambda: self._ask_session(handle))
        if session is None:
            raise InvalidToken
        if session.member.suspended:
            raise Suspended
        return session.member.caller

    async def _standing(self, name: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the database says of a key or a session, asked anew when it is too old."""
        now = asyncio.get_running_loop().time()
        standing = self._standings.get(name)
        if standing is None or now - standing.asked_at >= STANDING_SECONDS:
            standing = _Standing(now, asyncio.create_task(ask()))
            _remember(self._standings, name, standing)
        try:
            # Shielded: one caller who hangs up must not take the answer from the others.
            answer: T = (
                standing.owner.result()
                if standing.owner.done()
                else await asyncio.shield(standing.owner)
            )
        except Exception:
            if self._standings.get(name) is standing:
                del self._standings[name]
            raise
        return answer

    async def _ask_owner(self, key_id: str) -> KeyOwner | None:
        async with self._database.transaction(Role.IDENTITY) as connection:
            return await keys.owner_of_key(connection, key_id)

    async def _ask_session(self, handle: str) -> Session | None:
        async with self._database.transaction(Role.IDENTITY) as connection:
            return await sessions.find_by_handle(connection, handle)


def _life_ms(expiration_ms: int | None) -> int:
    if expiration_ms is None:
        return DEFAULT_LIFE_MS
    if expiration_ms < 0:
        return MAX_LIFE_MS
    return min(max(expiration_ms, MIN_LIFE_MS), MAX_LIFE_MS)


def _failures(address: str) -> str:
    return f"rate:failed-keys:{address_group(address)}"


def _remember(memory: "OrderedDict[Any, Any]", key: Any, value: Any) -> None:
    """Keep the latest ten thousand."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
