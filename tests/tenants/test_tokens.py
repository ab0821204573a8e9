"""Tokens: what they say, when they end, and how soon revoking works."""

import asyncio
import base64
import json
import secrets

import pytest

from tenants import directory, keys, sessions
from tenants.database import Database, Role
from tenants.directory import Member
from tenants.errors import (
    ExpiredToken,
    InvalidCredentials,
    InvalidToken,
    RateLimited,
    Suspended,
    TenantError,
)
from tenants.keys import Application, NewKey
from tenants.rate_limits import RateLimiter
from tenants.sessions import Session
from tenants.tokens import Tokens
from tests.tenants.conftest import Clock

pytestmark = pytest.mark.anyio

DAY_S = 86_400


def _address() -> str:
    """An address nobody else uses, so that one test's guesses do not shut out another."""
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


@pytest.fixture
async def application(database: Database, member: Member) -> Application:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        return await keys.create_application(connection, member.caller, "worker", ("ADMIN",))


@pytest.fixture
async def key(database: Database, member: Member, application: Application) -> NewKey:
    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        made = await keys.create(connection, member.caller, application.id)
    assert made is not None
    return made


def _claims(token: str) -> dict[str, object]:
    middle = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(middle + "=="))
    return claims


async def test_token_says_what_clients_read(
    tokens: Tokens, key: NewKey, application: Application
) -> None:
    claims = _claims(await tokens.exchange(key.id, key.secret, address=_address()))

    assert claims["sub"] == f"app:{application.id}"
    assert claims["name"] == "worker"
    assert isinstance(claims["exp"], int)
    assert isinstance(claims["iat"], int)
    assert claims["exp"] - claims["iat"] >= DAY_S
    assert key.secret not in str(claims)


async def test_token_gives_its_caller(tokens: Tokens, key: NewKey, member: Member) -> None:
    caller = await tokens.caller(await tokens.exchange(key.id, key.secret, address=_address()))

    assert caller.namespace == member.namespace
    assert caller.plan == member.plan
    assert "metadata:write" in caller.scopes


@pytest.mark.parametrize(
    ("expiration_ms", "life_s"),
    [(None, DAY_S), (60_000, 60), (1, 1), (-1, 366 * DAY_S), (10**15, 366 * DAY_S)],
    ids=["default", "a-minute", "at-least-a-second", "for-ever", "too-long"],
)
async def test_life_asked_for_is_bounded(
    tokens: Tokens, key: NewKey, expiration_ms: int | None, life_s: int
) -> None:
    claims = _claims(
        await tokens.exchange(key.id, key.secret, expiration_ms=expiration_ms, address=_address())
    )

    assert isinstance(claims["exp"], int)
    assert isinstance(claims["iat"], int)
    assert life_s <= claims["exp"] - claims["iat"] <= life_s + 2


async def test_token_past_its_time_is_expired(tokens: Tokens, key: NewKey, clock: Clock) -> None:
    token = await tokens.exchange(key.id, key.secret, address=_address())
    await tokens.caller(token)

    clock.skip(DAY_S * 1_000 + 2_000)

    with pytest.raises(ExpiredToken):
        await tokens.caller(token)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "",
        lambda token: "nonsense",
        lambda token: "a.b.c",
        lambda token: token[:-4] + "AAAA",
        lambda token: f"Bearer {token}",
        lambda token: _unsigned(token),
        lambda token: token + "." + token,
        lambda token: "é" + token,
        lambda token: "x" * 100_000,
    ],
    ids=["empty", "word", "dots", "signature", "bearer", "alg-none", "five-parts", "é", "long"],
)
async def test_forged_token_is_invalid(tokens: Tokens, key: NewKey, forge: object) -> None:
    token = await tokens.exchange(key.id, key.secret, address=_address())

    with pytest.raises(InvalidToken):
        await tokens.caller(forge(token))  # type: ignore[operator]


def _unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


async def test_token_of_another_installation_is_invalid(
    tokens: Tokens, key: NewKey, database: Database, limiter: RateLimiter, clock: Clock
) -> None:
    elsewhere = Tokens(database, b"another secret of 32 bytes......", limiter, now_ms=clock.now_ms)
    token = await elsewhere.exchange(key.id, key.secret, address=_address())

    with pytest.raises(InvalidToken):
        await tokens.caller(token)


async def _refused_within_a_second(tokens: Tokens, token: str) -> TenantError | None:
    for _ in range(20):
        try:
            await tokens.caller(token)
        except TenantError as error:
            return error
        await asyncio.sleep(0.05)
    return None


async def test_revoked_key_works_for_less_than_a_second(
    tokens: Tokens, key: NewKey, database: Database, member: Member, application: Application
) -> None:
    token = await tokens.exchange(key.id, key.secret, address=_address())
    await tokens.caller(token)

    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        assert await keys.revoke(connection, member.caller, application.id, key.id)

    assert isinstance(await _refused_within_a_second(tokens, token), InvalidToken)


async def test_inactive_key_works_for_less_than_a_second(
    tokens: Tokens, key: NewKey, database: Database, member: Member, application: Application
) -> None:
    token = await tokens.exchange(key.id, key.secret, address=_address())

    async with database.transaction(Role.TENANT, [member.namespace]) as connection:
        await keys.toggle(connection, member.caller, application.id, key.id)

    assert isinstance(await _refused_within_a_second(tokens, token), InvalidToken)
    with pytest.raises(InvalidCredentials):
        await tokens.exchange(key.id, key.secret, address=_address())


async def test_suspended_namespace_is_shut_in_a_second(
    tokens: Tokens, key: NewKey, database: Database, member: Member
) -> None:
    token = await tokens.exchange(key.id, key.secret, address=_address())

    async with database.transaction(Role.IDENTITY) as connection:
        await directory.suspend(connection, member.namespace)

    assert isinstance(await _refused_within_a_second(tokens, token), Suspended)


async def test_guessing_is_limited_to_twenty_a_minute(tokens: Tokens, key: NewKey) -> None:
    address = _address()
    answers = [await _guess(tokens, key.id, address) for _ in range(200)]

    assert answers.count(InvalidCredentials) <= 22
    assert answers.count(RateLimited) >= 178


async def test_guesses_from_one_ipv6_subscriber_count_together(tokens: Tokens, key: NewKey) -> None:
    subscriber = f"2001:db8:{secrets.randbelow(65_536):x}:{secrets.randbelow(65_536):x}"
    answers = [await _guess(tokens, key.id, f"{subscriber}::{n:x}") for n in range(1, 60)]

    assert answers.count(InvalidCredentials) <= 21


async def test_guesser_does_not_shut_out_neighbours(tokens: Tokens, key: NewKey) -> None:
    address = _address()
    await tokens.exchange(key.id, key.secret, address=address)
    for _ in range(40):
        await _guess(tokens, key.id, address)

    assert await tokens.exchange(key.id, key.secret, address=address)
    assert await _guess(tokens, key.id, address) is RateLimited


async def test_guessing_elsewhere_does_not_matter_here(tokens: Tokens, key: NewKey) -> None:
    attacker = _address()
    for _ in range(40):
        await _guess(tokens, key.id, attacker)

    assert await tokens.exchange(key.id, key.secret, address=_address())


async def test_minting_before_each_request_fits_the_plan(tokens: Tokens, key: NewKey) -> None:
    address = _address()

    minted = await asyncio.gather(
        *(tokens.exchange(key.id, key.secret, address=address) for _ in range(300))
    )

    assert len(minted) == 300


async def test_minting_without_end_answers_429(tokens: Tokens, key: NewKey) -> None:
    address = _address()

    answers = await asyncio.gather(
        *(tokens.exchange(key.id, key.secret, address=address) for _ in range(1_500)),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, RateLimited)]
    assert refused
    assert all(error.retry_after_seconds >= 1 for error in refused)


async def _guess(tokens: Tokens, key_id: str, address: str) -> type[TenantError] | None:
    try:
        await tokens.exchange(key_id, secrets.token_urlsafe(32), address=address)
    except TenantError as error:
        return type(error)
    return None


@pytest.fixture
async def session(database: Database, member: Member) -> Session:
    async with database.transaction(Role.IDENTITY) as connection:
        session_id = await sessions.begin(connection, member, provider="Tests", device="Tests")
        found = await sessions.find(connection, session_id)
    assert found is not None
    return found


async def test_token_of_a_session_gives_the_person(tokens: Tokens, session: Session) -> None:
    made = tokens.for_session(session)

    assert await tokens.caller(made.token) == session.member.caller
    assert _claims(made.token)["sub"] == session.member.caller.subject


async def test_token_of_a_session_ends_after_minutes(
    tokens: Tokens, session: Session, clock: Clock
) -> None:
    made = tokens.for_session(session)

    clock.skip(601_000)

    assert made.expires_at_ms < clock.now_ms()
    with pytest.raises(ExpiredToken):
        await tokens.caller(made.token)


async def test_signing_out_ends_the_token_of_a_session(
    tokens: Tokens, session: Session, database: Database, member: Member
) -> None:
    made = tokens.for_session(session)
    await tokens.caller(made.token)

    async with database.transaction(Role.IDENTITY) as connection:
        await sessions.revoke(connection, member.user_id, session.handle)

    assert isinstance(await _refused_within_a_second(tokens, made.token), InvalidToken)


async def test_token_of_a_suspended_person_is_refused(
    tokens: Tokens, session: Session, database: Database, member: Member
) -> None:
    async with database.transaction(Role.IDENTITY) as connection:
        await directory.suspend(connection, member.namespace)

    with pytest.raises(Suspended):
        await tokens.caller(tokens.for_session(session).token)
