"""Pins how each platform's deliveries prove themselves, and that nothing else passes."""

import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from playground.engine.webhook_verifiers import (
    Delivery,
    challenge_answer,
    delivery_id,
    is_verified,
    secret_problem,
)
from playground.model.webhooks import Verifier, WebhookConfig

NOW = 1_700_000_000
NOW_MS = NOW * 1000
BODY = b'{"event": {"type": "push"}, "id": "evt_1", "event_id": "Ev1"}'
SECRET = "s3cr3t"
SECRET64 = base64.b64encode(b"raw \x00 key").decode()
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()


def hmac_of(secret: bytes, text: bytes) -> bytes:
    return hmac.new(secret, text, hashlib.sha256).digest()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def github(body: bytes, _: int) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac_of(SECRET.encode(), body).hex()}


def teams(body: bytes, _: int) -> dict[str, str]:
    return {"Authorization": "HMAC " + b64(hmac_of(b"raw \x00 key", body))}


def slack(body: bytes, at: int) -> dict[str, str]:
    signed = f"v0:{at}:".encode() + body
    return {
        "X-Slack-Request-Timestamp": str(at),
        "X-Slack-Signature": "v0=" + hmac_of(SECRET.encode(), signed).hex(),
    }


def stripe(body: bytes, at: int) -> dict[str, str]:
    signature = hmac_of(SECRET.encode(), f"{at}.".encode() + body).hex()
    return {"Stripe-Signature": f"t={at},v1={'0' * 64},v1={signature},v0=x"}


def twitter(body: bytes, _: int) -> dict[str, str]:
    return {"x-twitter-webhooks-signature": "sha256=" + b64(hmac_of(SECRET.encode(), body))}


def sendgrid(body: bytes, at: int) -> dict[str, str]:
    signature = KEY.sign(str(at).encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": b64(signature),
        "X-Twilio-Email-Event-Webhook-Timestamp": str(at),
    }


def custom(_: bytes, __: int) -> dict[str, str]:
    return {"X-Token": SECRET, "X-Team": "blue"}


CONFIGS = {
    custom: WebhookConfig(
        verifier=Verifier.HEADER_BASED, headers={"x-token": SECRET, "X-Team": "blue"}
    ),
    github: WebhookConfig(verifier=Verifier.SIGNATURE_BASED, secret_value=SECRET),
    teams: WebhookConfig(verifier=Verifier.HMAC_BASED, secret_value=SECRET64),
    slack: WebhookConfig(verifier=Verifier.SLACK_BASED, secret_value=SECRET),
    stripe: WebhookConfig(verifier=Verifier.STRIPE, secret_value=SECRET),
    twitter: WebhookConfig(verifier=Verifier.TWITTER, secret_value=SECRET),
    sendgrid: WebhookConfig(verifier=Verifier.SENDGRID, secret_value=PUBLIC),
}
Platform = Callable[[bytes, int], dict[str, str]]
every = pytest.mark.parametrize("platform", CONFIGS, ids=lambda platform: platform.__name__)
signed = pytest.mark.parametrize(
    "platform",
    [platform for platform in CONFIGS if platform is not custom],
    ids=lambda platform: platform.__name__,
)
timed = pytest.mark.parametrize(
    "platform", [slack, stripe, sendgrid], ids=lambda platform: platform.__name__
)


def delivery(headers: dict[str, str], body: bytes = BODY) -> Delivery:
    return Delivery(list(headers.items()), body)


@every
def test_genuine_delivery_passes(platform: Platform) -> None:
    assert is_verified(CONFIGS[platform], delivery(platform(BODY, NOW)), NOW_MS)


@every
def test_delivery_without_its_headers_is_refused(platform: Platform) -> None:
    assert not is_verified(CONFIGS[platform], delivery({}), NOW_MS)


@every
def test_header_sent_twice_is_refused(platform: Platform) -> None:
    headers = list(platform(BODY, NOW).items())

    assert not is_verified(CONFIGS[platform], Delivery([*headers, *headers], BODY), NOW_MS)


@signed
def test_changed_body_is_refused(platform: Platform) -> None:
    given = delivery(platform(BODY, NOW), BODY.replace(b"push", b"pull"))

    assert not is_verified(CONFIGS[platform], given, NOW_MS)


@every
def test_nonsense_is_refused(platform: Platform) -> None:
    headers = dict.fromkeys(platform(BODY, NOW), "\u00e9=\u00e9,,")

    assert not is_verified(CONFIGS[platform], delivery(headers), NOW_MS)


@timed
@pytest.mark.parametrize("seconds", [-301, 301])
def test_delivery_of_another_time_is_refused(platform: Platform, seconds: int) -> None:
    given = delivery(platform(BODY, NOW + seconds))

    assert not is_verified(CONFIGS[platform], given, NOW_MS)


@timed
def test_delivery_may_be_a_little_late(platform: Platform) -> None:
    assert is_verified(CONFIGS[platform], delivery(platform(BODY, NOW - 299)), NOW_MS)


@signed
def test_nobody_passes_without_a_secret(platform: Platform) -> None:
    without = WebhookConfig(verifier=CONFIGS[platform].verifier)
    empty = hmac_of(b"", BODY)
    headers = {"X-Hub-Signature-256": f"sha256={empty.hex()}", "Authorization": b64(empty)}

    assert not is_verified(without, delivery({**platform(BODY, NOW), **headers}), NOW_MS)


def test_one_wrong_header_of_two_is_refused() -> None:
    given = delivery({"X-Token": SECRET, "X-Team": "red"})

    assert not is_verified(CONFIGS[custom], given, NOW_MS)


def test_header_of_a_signature_may_be_named() -> None:
    config = WebhookConfig(
        verifier=Verifier.SIGNATURE_BASED, secret_value=SECRET, header_key="X-Mine"
    )
    given = delivery({"x-mine": github(BODY, NOW)["X-Hub-Signature-256"]})

    assert is_verified(config, given, NOW_MS)


def test_twitter_is_answered_what_it_asks() -> None:
    expected = "sha256=" + b64(hmac_of(SECRET.encode(), b"token"))

    assert challenge_answer(CONFIGS[twitter], "token") == {"response_token": expected}
    assert challenge_answer(CONFIGS[github], "token") == {}


@pytest.mark.parametrize(
    ("platform", "headers", "expected"),
    [
        (github, {"X-GitHub-Delivery": "d-1"}, "d-1"),
        (stripe, {}, "evt_1"),
        (slack, {}, "Ev1"),
        (custom, {"webhook-id": "msg_1"}, "msg_1"),
        (teams, {}, ""),
    ],
)
def test_platform_names_its_delivery(
    platform: Platform, headers: dict[str, str], expected: str
) -> None:
    payload = {"id": "evt_1", "event_id": "Ev1"}

    assert delivery_id(CONFIGS[platform], delivery(headers), payload) == expected


def test_sendgrid_delivery_is_known_by_its_signature() -> None:
    first, second = (delivery(sendgrid(BODY, at)) for at in (NOW, NOW + 1))

    ids = [delivery_id(CONFIGS[sendgrid], each, []) for each in (first, first, second)]

    assert (ids[0] == ids[1], ids[0] == ids[2]) == (True, False)


@pytest.mark.parametrize(
    ("verifier", "secret", "is_fine"),
    [
        (Verifier.HMAC_BASED, SECRET64, True),
        (Verifier.HMAC_BASED, "not base64!", False),
        (Verifier.SENDGRID, PUBLIC, True),
        (Verifier.SENDGRID, SECRET64, False),
        (Verifier.STRIPE, "anything", True),
    ],
)
def test_form_of_secrets_is_checked(verifier: Verifier, secret: str, is_fine: bool) -> None:
    problem = secret_problem(WebhookConfig(verifier=verifier, secret_value=secret))

    assert (problem == "") is is_fine
