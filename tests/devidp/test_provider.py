"""The development provider speaks the protocol strictly: what it gives, and all it refuses."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.devidp.conftest import CALLBACK, ISSUER, HandClock

pytestmark = pytest.mark.anyio

VERIFIER = "v" * 50
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
ASKED = {
    "response_type": "code",
    "client_id": "playground",
    "redirect_uri": CALLBACK,
    "scope": "openid profile",
    "state": "the state",
    "nonce": "the nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
EXCHANGE = {
    "grant_type": "authorization_code",
    "client_id": "playground",
    "redirect_uri": CALLBACK,
    "code_verifier": VERIFIER,
}


def _answer(response: httpx2.Response) -> dict[str, str]:
    """What the browser carries back to the client."""
    assert response.status_code == 303
    assert response.headers["location"].startswith(CALLBACK + "?")
    return {
        key: value[0]
        for key, value in parse_qs(urlsplit(response.headers["location"]).query).items()
    }


async def _code(client: httpx2.AsyncClient, name: str = "Ada", **changed: str) -> str:
    response = await client.post("/authorize", data={**ASKED, "name": name, **changed})
    return _answer(response)["code"]


async def _claims(client: httpx2.AsyncClient, name: str) -> dict[str, object]:
    token = await client.post("/token", data={**EXCHANGE, "code": await _code(client, name)})
    keys = KeySet.import_key_set((await client.get("/jwks")).json())
    return jwt.decode(token.json()["id_token"], keys, algorithms=["ES256"]).claims


async def test_discovery_names_itself_and_its_endpoints(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/.well-known/openid-configuration")).json()

    assert document["issuer"] == ISSUER
    assert document["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        assert document[name].startswith(ISSUER + "/")


async def test_published_keys_are_public(client: httpx2.AsyncClient) -> None:
    (key,) = (await client.get("/jwks")).json()["keys"]

    assert key["kty"] == "EC"
    assert "d" not in key


async def test_id_token_binds_issuer_client_and_nonce(client: httpx2.AsyncClient) -> None:
    claims = await _claims(client, "Ada")

    assert claims["iss"] == ISSUER
    assert claims["aud"] == "playground"
    assert claims["nonce"] == "the nonce"
    assert (claims["sub"], claims["name"]) == ("ada", "Ada")


@pytest.mark.parametrize("name", ["Ada", " ada ", "ADA", "ａｄａ"])
async def test_same_name_is_the_same_person(client: httpx2.AsyncClient, name: str) -> None:
    assert (await _claims(client, name))["sub"] == "ada"


async def test_suggestion_needs_no_typing(client: httpx2.AsyncClient) -> None:
    response = await client.post("/authorize", data={**ASKED, "name": "", "suggestion": "Grace"})

    assert "code" in _answer(response)


async def test_answer_repeats_state_and_names_issuer(client: httpx2.AsyncClient) -> None:
    answer = _answer(await client.post("/authorize", data={**ASKED, "name": "Ada"}))

    assert answer["state"] == "the state"
    assert answer["iss"] == ISSUER


async def test_userinfo_wants_its_access_token(client: httpx2.AsyncClient) -> None:
    token = (await client.post("/token", data={**EXCHANGE, "code": await _code(client)})).json()
    right = {"Authorization": f"Bearer {token['access_token']}"}

    assert (await client.get("/userinfo", headers=right)).json() == {"sub": "ada", "name": "Ada"}
    assert (await client.get("/userinfo")).status_code == 401
    assert (await client.get("/userinfo", headers={"Authorization": "Bearer x"})).status_code == 401


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "",
        "https://evil.test/",
        CALLBACK + "/",
        CALLBACK + "?x=1",
        CALLBACK.replace("localhost", "localhost.evil.test"),
        CALLBACK.replace("http:", "https:"),
        CALLBACK.upper(),
        "javascript:alert(1)",
    ],
)
async def test_other_address_to_return_to_is_never_followed(
    client: httpx2.AsyncClient, redirect_uri: str
) -> None:
    asked = {**ASKED, "redirect_uri": redirect_uri}

    shown = await client.get("/authorize", params=asked)
    sent = await client.post("/authorize", data={**asked, "name": "Ada"})

    assert (shown.status_code, sent.status_code) == (400, 400)
    assert "location" not in shown.headers
    assert "location" not in sent.headers


async def test_unknown_client_is_told_on_a_page(client: httpx2.AsyncClient) -> None:
    response = await client.get("/authorize", params={**ASKED, "client_id": "other"})

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"nonce": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
    ],
)
async def test_weak_request_is_answered_with_its_error(
    client: httpx2.AsyncClient, changed: dict[str, str], error: str
) -> None:
    shown = _answer(await client.get("/authorize", params={**ASKED, **changed}))
    sent = _answer(await client.post("/authorize", data={**ASKED, "name": "Ada", **changed}))

    assert shown["error"] == sent["error"] == error
    assert "code" not in sent


async def test_cancel_is_access_denied(client: httpx2.AsyncClient) -> None:
    answer = _answer(await client.post("/authorize", data={**ASKED, "name": "", "cancel": "1"}))

    assert answer["error"] == "access_denied"


@pytest.mark.parametrize("name", ["", "   ", "!!", "\x00"])
async def test_no_name_is_asked_for_again(client: httpx2.AsyncClient, name: str) -> None:
    response = await client.post("/authorize", data={**ASKED, "name": name})

    assert response.status_code == 422
    assert 'role="alert"' in response.text


async def test_code_works_once(client: httpx2.AsyncClient) -> None:
    code = await _code(client)

    first = await client.post("/token", data={**EXCHANGE, "code": code})
    second = await client.post("/token", data={**EXCHANGE, "code": code})

    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json()["error"] == "invalid_grant"


async def test_code_lasts_a_minute(client: httpx2.AsyncClient, clock: HandClock) -> None:
    code = await _code(client)
    clock.skip(61_000)

    assert (await client.post("/token", data={**EXCHANGE, "code": code})).status_code == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 50},
        {"code_verifier": ""},
        {"code_verifier": "v"},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "https://evil.test/"},
        {"client_id": "other"},
        {"grant_type": "password"},
        {"code": "guessed"},
    ],
    ids=lambda changed: "-".join(changed),
)
async def test_exchange_that_does_not_fit_is_refused_and_spends_the_code(
    client: httpx2.AsyncClient, changed: dict[str, str]
) -> None:
    fields = {**EXCHANGE, "code": await _code(client), **changed}

    assert (await client.post("/token", data=fields)).status_code == 400


async def test_page_is_escaped_and_strict(client: httpx2.AsyncClient) -> None:
    script = '"><script>alert(1)</script>'
    page = await client.get("/authorize", params={**ASKED, "state": script})

    assert page.status_code == 200
    assert "<script" not in page.text
    assert "style=" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    # Browsers hold the redirect that answers the form to this, too.
    assert policy.endswith("form-action 'self' http://localhost:8000")


async def test_page_sent_from_another_site_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.post(
        "/authorize", data={**ASKED, "name": "Ada"}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert response.status_code == 400


@pytest.mark.parametrize("path", ["/authorize", "/token"])
async def test_large_form_is_refused(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.post(path, data={**ASKED, "name": "a" * 50_000})

    assert response.status_code == 413
