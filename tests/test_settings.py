"""Pins how settings are read: defaults, the sentence for each wrong value, what is never shown."""

import base64
from dataclasses import fields

import pytest

from playground.settings import (
    CHECKOUT,
    Settings,
    Unusable,
    describe,
    inherited_environment,
    new_secret_key,
    read_settings,
    unknown_variables,
)

KEYCLOAK = {
    "PLAYGROUND_OIDC_PROVIDERS": "keycloak",
    "PLAYGROUND_OIDC_KEYCLOAK_ISSUER": "https://id.example/realms/x",
    "PLAYGROUND_OIDC_KEYCLOAK_CLIENT_ID": "playground",
    "PLAYGROUND_OIDC_KEYCLOAK_CLIENT_SECRET": "hush",
}


def test_defaults_serve_this_machine_alone() -> None:
    settings = read_settings({})

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.public_url == "http://localhost:8000"
    assert settings.data_dir == CHECKOUT / ".data"
    assert settings.egress_ports == (80, 443, 8080, 8443)


def test_public_url_follows_the_port() -> None:
    assert read_settings({"PLAYGROUND_PORT": "9000"}).public_url == "http://localhost:9000"


def test_empty_variable_counts_as_absent() -> None:
    assert read_settings({"PLAYGROUND_PORT": ""}).port == 8000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("WEB_PROCESSES", "0"),
        ("EGRESS_PORTS", "80,https"),
        ("DEV_LOGIN", "perhaps"),
        ("LOG_LEVEL", "loud"),
        ("PUBLIC_URL", "playground.example"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "http://localhost"),
        ("SECRET_KEY", "c2hvcnQ="),
        ("SECRETS_KEY", "c2hvcnQ="),
        ("OIDC_PROVIDERS", "Key Cloak"),
    ],
)
def test_wrong_value_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(Unusable, match=f"PLAYGROUND_{variable}"):
        read_settings({f"PLAYGROUND_{variable}": value})


def test_wrong_secret_is_not_repeated() -> None:
    with pytest.raises(Unusable) as refused:
        read_settings({"PLAYGROUND_SECRET_KEY": "correct-horse"})

    assert "correct-horse" not in str(refused.value)


def test_provider_is_read_by_its_name() -> None:
    (provider,) = read_settings(KEYCLOAK).oidc_providers

    assert (provider.name, provider.issuer) == ("keycloak", "https://id.example/realms/x")
    assert str(provider.client_secret) == "hush"
    assert provider.label == "Keycloak"


@pytest.mark.parametrize("part", ["ISSUER", "CLIENT_ID"])
def test_half_a_provider_is_refused(part: str) -> None:
    variable = f"PLAYGROUND_OIDC_KEYCLOAK_{part}"

    with pytest.raises(Unusable, match=variable):
        read_settings({**KEYCLOAK, variable: ""})


@pytest.mark.parametrize(
    ("environ", "enabled"),
    [
        pytest.param({}, True, id="nothing set"),
        pytest.param(KEYCLOAK, False, id="a provider is set"),
        pytest.param({"PLAYGROUND_HOST": "0.0.0.0"}, False, id="beyond loopback"),
        pytest.param(
            {"PLAYGROUND_HOST": "0.0.0.0", "PLAYGROUND_DEV_LOGIN": "on"}, True, id="named"
        ),
        pytest.param({**KEYCLOAK, "PLAYGROUND_DEV_LOGIN": "on"}, True, id="named beside another"),
        pytest.param({"PLAYGROUND_DEV_LOGIN": "off"}, False, id="off"),
    ],
)
def test_development_sign_in_is_on_when_safe_or_named(
    environ: dict[str, str], enabled: bool
) -> None:
    assert read_settings(environ).dev_login_enabled is enabled


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "playground.example"])
def test_anonymous_clients_are_refused_beyond_loopback(host: str) -> None:
    with pytest.raises(Unusable, match="PLAYGROUND_ANONYMOUS"):
        read_settings({"PLAYGROUND_ANONYMOUS": "ada", "PLAYGROUND_HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_anonymous_clients_are_allowed_on_loopback(host: str) -> None:
    settings = read_settings({"PLAYGROUND_ANONYMOUS": "ada", "PLAYGROUND_HOST": host})

    assert settings.anonymous == "ada"


@pytest.mark.parametrize(
    "elsewhere",
    [{"PLAYGROUND_HOST": "0.0.0.0"}, KEYCLOAK],
    ids=["beyond loopback", "a provider is set"],
)
@pytest.mark.parametrize("setting", ["PLAYGROUND_CRASH_DIR", "PLAYGROUND_FAULTS"])
def test_faults_on_purpose_are_refused_where_others_are(
    setting: str, elsewhere: dict[str, str]
) -> None:
    with pytest.raises(Unusable, match=setting):
        read_settings({setting: "1:0:0", **elsewhere})


def test_settings_survive_the_way_to_a_child() -> None:
    given = read_settings(
        {
            **KEYCLOAK,
            "PLAYGROUND_OPERATORS": "https://id.example|7, ops@example.org",
            "PLAYGROUND_DATABASE_URL": "postgresql://a:b@/playground?host=/run/x",
            "PLAYGROUND_SECRET_KEY": new_secret_key(),
            "PLAYGROUND_SECRETS_KEY": f"{new_secret_key()},{new_secret_key()}",
        }
    )

    received = read_settings(given.environment())

    assert received.environment() == given.environment()
    assert received.operators == ("https://id.example|7", "ops@example.org")


def test_secrets_are_not_shown() -> None:
    settings = read_settings(
        {**KEYCLOAK, "PLAYGROUND_DATABASE_URL": "postgresql://a:s3cret@db.example/playground"}
    )

    assert "s3cret" not in repr(settings)
    assert "hush" not in repr(settings)


def test_new_secret_key_has_32_bytes() -> None:
    assert len(base64.b64decode(new_secret_key())) == 32


def test_misspelt_variable_is_found() -> None:
    environ = {**KEYCLOAK, "PLAYGROUND_PROT": "8001", "PLAYGROUND_PORT": "8001", "PATH": "/bin"}

    assert unknown_variables(environ) == ("PLAYGROUND_PROT",)


def test_child_inherits_no_setting() -> None:
    inherited = inherited_environment({**KEYCLOAK, "PLAYGROUND_PORT": "1", "PATH": "/bin"})

    assert inherited == {"PATH": "/bin"}


def test_migrations_fall_back_to_the_one_url() -> None:
    url = "postgresql://a@db.example/playground"

    assert str(read_settings({"PLAYGROUND_DATABASE_URL": url}).owner_database_url) == url


def test_readme_lists_every_setting() -> None:
    readme = (CHECKOUT / "README.md").read_text()

    missing = [line.variable for line in describe() if f"`{line.variable}`" not in readme]

    assert missing == []


def test_only_derived_settings_are_left_out_of_the_list() -> None:
    described = {line.variable.removeprefix("PLAYGROUND_") for line in describe()}
    variables = {field.metadata["variable"] for field in fields(Settings)}

    assert variables - described == {
        "OPERATOR_SOCKET_FD",
        "READY_FD",
        "DEVIDP_URL",
        "DEVIDP_SOCKET_FD",
        "CRASH_DIR",
        "FAULTS",
    }
