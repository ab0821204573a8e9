"""Whether a delivery comes from where its webhook expects, by the rules of each platform.

Everything compared with a secret is compared in constant time, over the bytes as they came. What
carries a time must be of the last five minutes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from playground.model.webhooks import Verifier, WebhookConfig

_TOLERANCE_SECONDS: Final = 300
_HEADER_OF: Final = {
    Verifier.SIGNATURE_BASED: "X-Hub-Signature-256",
    Verifier.HMAC_BASED: "Authorization",
}
_SLACK: Final = ("X-Slack-Signature", "X-Slack-Request-Timestamp")
_STRIPE: Final = "Stripe-Signature"
_TWITTER: Final = "X-Twitter-Webhooks-Signature"
_SENDGRID: Final = (
    "X-Twilio-Email-Event-Webhook-Signature",
    "X-Twilio-Email-Event-Webhook-Timestamp",
)
# Where platforms say which delivery it is; a repeated delivery has the same.
_ID_HEADERS: Final = ("X-GitHub-Delivery", "Webhook-Id")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was sent: headers as they came, names in any case, and the raw body."""

    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The header's value; empty when it is missing or there more than once."""
        wanted = name.lower()
        found = [value for key, value in self.headers if key.lower() == wanted]
        return found[0] if len(found) == 1 else ""


def is_verified(config: WebhookConfig, delivery: Delivery, now_ms: int) -> bool:
    """Whether a delivery proves to be what the webhook (with its secrets) expects."""
    if not config.verifier:
        return False
    try:
        return _VERIFIERS[config.verifier](config, delivery, now_ms // 1000)
    except (ValueError, binascii.Error):
        # Not even of the right form.
        return False


def challenge_answer(config: WebhookConfig, token: str) -> dict[str, str]:
    """What a platform that asks with GET before it delivers wants to hear."""
    if config.verifier is not Verifier.TWITTER or not token:
        return {}
    return {"response_token": "sha256=" + _base64(_hmac(_secret(config), token.encode()))}


def delivery_id(config: WebhookConfig, delivery: Delivery, payload: Any) -> str:
    """What the platform calls this delivery, the same when it is sent again; empty if nothing."""
    for name in _ID_HEADERS:
        if value := delivery.header(name):
            return value
    if not isinstance(payload, dict):
        payload = {}
    match config.verifier:
        case Verifier.SLACK_BASED:
            return str(payload.get("event_id") or "")
        case Verifier.STRIPE:
            return str(payload.get("id") or "")
        case Verifier.SENDGRID:
            # Signed together with its time: the same signature is the same delivery.
            return hashlib.sha256(delivery.header(_SENDGRID[0]).encode()).hexdigest()
    return ""


def secret_problem(config: WebhookConfig) -> str:
    """What is wrong with the form of a secret; empty when nothing is."""
    try:
        if config.verifier is Verifier.HMAC_BASED:
            _unbase64(config.secret_value or "")
        if config.verifier is Verifier.SENDGRID:
            _public_key(config.secret_value or "")
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return (
            "secretValue must be base64, as the platform shows it"
            if config.verifier is Verifier.HMAC_BASED
            else "secretValue must be the verification key, as SendGrid shows it"
        )
    return ""


def _by_headers(config: WebhookConfig, delivery: Delivery, _: int) -> bool:
    equal = [
        hmac.compare_digest(delivery.header(name).encode(), value.encode())
        for name, value in config.headers.items()
    ]
    return bool(equal) and all(equal)


def _by_signature(config: WebhookConfig, delivery: Delivery, _: int) -> bool:
    given = delivery.header(config.header_key or _HEADER_OF[Verifier.SIGNATURE_BASED])
    return _equal(given, "sha256=" + _hmac(_secret(config), delivery.body).hex())


def _by_hmac(config: WebhookConfig, delivery: Delivery, _: int) -> bool:
    given = delivery.header(config.header_key or _HEADER_OF[Verifier.HMAC_BASED])
    expected = _base64(_hmac(_unbase64(config.secret_value or ""), delivery.body))
    return _equal(given.removeprefix("HMAC ").strip(), expected)


def _by_slack(config: WebhookConfig, delivery: Delivery, now: int) -> bool:
    given, sent_at = (delivery.header(name) for name in _SLACK)
    signed = b"v0:" + sent_at.encode() + b":" + delivery.body
    expected = "v0=" + _hmac(_secret(config), signed).hex()
    return _is_recent(sent_at, now) and _equal(given, expected)


def _by_stripe(config: WebhookConfig, delivery: Delivery, now: int) -> bool:
    parts = [part.strip().partition("=") for part in delivery.header(_STRIPE).split(",")]
    sent_at = next((value for name, _, value in parts if name == "t"), "")
    expected = _hmac(_secret(config), sent_at.encode() + b"." + delivery.body).hex()
    given = [_equal(value, expected) for name, _, value in parts if name == "v1"]
    return _is_recent(sent_at, now) and any(given)


def _by_twitter(config: WebhookConfig, delivery: Delivery, _: int) -> bool:
    expected = "sha256=" + _base64(_hmac(_secret(config), delivery.body))
    return _equal(delivery.header(_TWITTER), expected)


def _by_sendgrid(config: WebhookConfig, delivery: Delivery, now: int) -> bool:
    given, sent_at = (delivery.header(name) for name in _SENDGRID)
    if not _is_recent(sent_at, now):
        return False
    key = _public_key(config.secret_value or "")
    try:
        key.verify(_unbase64(given), sent_at.encode() + delivery.body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


_VERIFIERS: Final[dict[Verifier, Callable[[WebhookConfig, Delivery, int], bool]]] = {
    Verifier.HEADER_BASED: _by_headers,
    Verifier.SIGNATURE_BASED: _by_signature,
    Verifier.HMAC_BASED: _by_hmac,
    Verifier.SLACK_BASED: _by_slack,
    Verifier.STRIPE: _by_stripe,
    Verifier.TWITTER: _by_twitter,
    Verifier.SENDGRID: _by_sendgrid,
}


def _secret(config: WebhookConfig) -> bytes:
    if not config.secret_value:
        # Nobody may pass by signing with nothing.
        raise ValueError("no secret")
    return config.secret_value.encode()


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unbase64(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if not raw:
        raise ValueError("nothing in it")
    return raw


def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(_unbase64(text))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("not an elliptic curve key")
    return key


def _is_recent(sent_at: str, now: int) -> bool:
    return sent_at.isdigit() and abs(int(sent_at[:15]) - now) <= _TOLERANCE_SECONDS
