"""GET_SIGNED_JWT: what the token says, who can check it, and what is refused."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jwt
from joserfc.jwk import RSAKey

from playground.egress import AddressPolicy, Egress, InProcessLimiter
from playground.executors import EXECUTORS, ExecutorInput, Tools
from playground.model.requests import ResultStatus, TaskResult
from playground.sandbox.client import SandboxClient

pytestmark = pytest.mark.anyio

NOW_MS = 1_700_000_000_000


def _pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return str(key.private_bytes(Encoding.PEM, form, NoEncryption()).decode())


_RSA = rsa.generate_private_key(65537, 2048)
KEY = _pem(_RSA)
OLD_FORM = _pem(_RSA, PrivateFormat.TraditionalOpenSSL)
CURVE = _pem(ec.generate_private_key(ec.SECP256R1()))
SHORT = _pem(rsa.generate_private_key(65537, 1024))


async def signed(**fields: Any) -> TaskResult:
    egress = Egress(policy=AddressPolicy(), limiter=InProcessLimiter(), own_origin="http://o.test")
    task = ExecutorInput(
        namespace="ada",
        execution_id="e",
        task_id="t",
        task_type="GET_SIGNED_JWT",
        input={"privateKey": KEY} | fields,
        now_ms=NOW_MS,
    )
    return await EXECUTORS["GET_SIGNED_JWT"](task, Tools(egress, SandboxClient("/nowhere")))


def _read(result: TaskResult, algorithm: str = "RS256") -> Any:
    assert result.status is ResultStatus.COMPLETED, result.reason_for_incompletion
    return jwt.decode(
        result.output_data["_secrets"]["jwt"], RSAKey.import_key(KEY), algorithms=[algorithm]
    )


async def test_token_carries_the_claims() -> None:
    result = await signed(
        subject="robot",
        issuer="me",
        audience="https://service.test",
        scopes=["read", "write"],
        ttlInSecond=60,
        privateKeyId="k-1",
    )

    token = _read(result)
    assert token.header == {"alg": "RS256", "typ": "JWT", "kid": "k-1"}
    assert token.claims == {
        "sub": "robot",
        "iss": "me",
        "aud": "https://service.test",
        "scope": "read write",
        "iat": 1_700_000_000,
        "exp": 1_700_000_060,
    }
    assert result.output_data["expiresAt"] == 1_700_000_060


@pytest.mark.parametrize(
    "key",
    [KEY.replace("\n", "\\n"), KEY.replace("\n", " "), KEY.replace("\n", "")],
    ids=["escaped", "blanks", "nothing"],
)
async def test_key_without_its_line_breaks_is_read(key: str) -> None:
    assert _read(await signed(privateKey=key)).claims["exp"] == 1_700_003_600


async def test_algorithm_may_be_chosen() -> None:
    assert _read(await signed(algorithm="RS512"), "RS512").header["alg"] == "RS512"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"privateKey": None}, "Missing 'privateKey'"),
        ({"privateKey": "x" * 9_000}, "too long"),
        ({"privateKey": "secret-that-is-no-key"}, "not a private key in PKCS#8 format"),
        ({"privateKey": OLD_FORM}, "not a private key in PKCS#8 format"),
        ({"privateKey": CURVE}, "not an RSA key"),
        ({"privateKey": SHORT}, "2048 to 4096 bits"),
        ({"algorithm": "none"}, "'algorithm' is not one of"),
        ({"algorithm": "HS256"}, "'algorithm' is not one of"),
        ({"ttlInSecond": -5}, "'ttlInSecond' is not between"),
        ({"ttlInSeconds": "soon"}, "'ttlInSecond' is not between"),
    ],
)
async def test_bad_input_fails_for_good_and_shows_no_key(
    fields: dict[str, Any], reason: str
) -> None:
    result = await signed(**fields)

    assert result.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert reason in str(result.reason_for_incompletion)
    assert "secret-that" not in str(result)
