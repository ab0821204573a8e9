"""GET_SIGNED_JWT: a token signed with the namespace's own private key, to call a service with.

The token is under `_secrets` of the output, whose members readers see as `***`.
"""

import asyncio
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from playground.executors.contract import ExecutorInput, Tools, completed, failed
from playground.expressions.java_text import java_text
from playground.model.requests import TaskResult

ALGORITHMS = ("RS256", "RS384", "RS512")
USUAL_LIFE_SECONDS = 3600
LONGEST_LIFE_SECONDS = 366 * 24 * 3600
SHORTEST_KEY_BITS = 2048
LONGEST_KEY_BITS = 4096
"""Signing with a longer key would take longer than a task may keep a processor busy."""
_KEY_CHARACTERS = 8 * 1024


class _Malformed(Exception):
    """The task's input does not describe a token; the text says why, and never quotes the key."""


async def execute(task: ExecutorInput, tools: Tools) -> TaskResult:
    """Output `_secrets.jwt`, and when it expires in epoch seconds."""
    try:
        header, claims = _header(task.input), _claims(task.input, task.now_ms // 1000)
        key = task.input.get("privateKey")
        # Reading and signing keep a processor busy for milliseconds; the loop is everybody's.
        token = await asyncio.to_thread(_signed, header, claims, key)
    except _Malformed as problem:
        return failed(task, str(problem), retriable=False)
    return completed(task, {"_secrets": {"jwt": token}, "expiresAt": claims["exp"]})


def _header(given: dict[str, Any]) -> dict[str, str]:
    algorithm = given.get("algorithm") or "RS256"
    if algorithm not in ALGORITHMS:
        raise _Malformed(f"'algorithm' is not one of {', '.join(ALGORITHMS)}")
    key_id = given.get("privateKeyId")
    return {"alg": algorithm, "typ": "JWT"} | ({"kid": java_text(key_id)} if key_id else {})


def _claims(given: dict[str, Any], now_seconds: int) -> dict[str, Any]:
    audience, scopes = given.get("audience"), given.get("scopes")
    if isinstance(scopes, list):
        scopes = " ".join(java_text(one) for one in scopes)
    named = {
        "sub": given.get("subject"),
        "iss": given.get("issuer"),
        "aud": audience if isinstance(audience, list) else audience and java_text(audience),
        "scope": scopes,
    }
    claims = {
        name: value if isinstance(value, list) else java_text(value)
        for name, value in named.items()
        if value not in (None, "", [])
    }
    return {**claims, "iat": now_seconds, "exp": now_seconds + _life_seconds(given)}


def _life_seconds(given: dict[str, Any]) -> int:
    value = next((given[k] for k in ("ttlInSecond", "ttlInSeconds") if given.get(k)), None)
    if value is None:
        return USUAL_LIFE_SECONDS
    try:
        seconds = int(value) if not isinstance(value, bool) else 0
    except (TypeError, ValueError, OverflowError):
        seconds = 0
    if not 1 <= seconds <= LONGEST_LIFE_SECONDS:
        raise _Malformed(f"'ttlInSecond' is not between 1 and {LONGEST_LIFE_SECONDS}")
    return seconds


def _signed(header: dict[str, str], claims: dict[str, Any], key: Any) -> str:
    try:
        return jwt.encode(header, claims, RSAKey.import_key(_pem(key)), algorithms=[header["alg"]])
    except (JoseError, ValueError, TypeError) as problem:
        raise _Malformed("The token could not be signed with 'privateKey'") from problem


def _pem(key: Any) -> str:
    """The key as PEM; one that lost its line breaks on the way through a form is mended."""
    if not isinstance(key, str) or not key.strip():
        raise _Malformed("Missing 'privateKey' in GET_SIGNED_JWT: a private key in PKCS#8 format")
    if len(key) > _KEY_CHARACTERS:
        raise _Malformed("'privateKey' is too long")
    begin, end = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
    text = key.replace("\\n", "\n").strip()
    inside = text.removeprefix(begin).removesuffix(end).split()
    pem = "\n".join([begin, *inside, end, ""])
    try:
        loaded = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise _Malformed("'privateKey' is not a private key in PKCS#8 format") from problem
    if not isinstance(loaded, RSAPrivateKey):
        raise _Malformed("'privateKey' is not an RSA key")
    if not SHORTEST_KEY_BITS <= loaded.key_size <= LONGEST_KEY_BITS:
        raise _Malformed(
            f"'privateKey' must have {SHORTEST_KEY_BITS} to {LONGEST_KEY_BITS} bits, "
            f"not {loaded.key_size}"
        )
    return pem
