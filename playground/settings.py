"""Every setting of the playground, read once from `PLAYGROUND_*` environment variables.

An empty variable counts as absent. Each field says its variable, its default as one would type it
and one line about it (`describe()` lists them; README shows that list and a test compares the two).
Settings marked internal are derived by the supervisor, or set by a test, and handed to the roles
it starts; nobody sets them by hand. Secrets are `Secret`: `str(settings.database_url)` reveals,
`repr` does not.
"""

# ruff: noqa: RUF009 - `_field` and `_internal` only wrap dataclasses.field with its metadata.

import base64
import binascii
import dataclasses
import ipaddress
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.config import Config
from starlette.datastructures import Secret

PREFIX = "PLAYGROUND_"
CHECKOUT = Path(__file__).resolve().parent.parent
SECRET_KEY_MIN_BYTES = 32

# Exit status of a role that cannot work with the settings it has (sysexits' EX_CONFIG): starting
# it again would not help, so the supervisor stops instead of restarting.
EXIT_UNUSABLE = 78


class Unusable(Exception):
    """The playground cannot start or work as asked; the message is one sentence that says why.

    Shown to the person at the terminal without a traceback, with a non-zero exit status.
    """


@dataclass(frozen=True, kw_only=True)
class OIDCProvider:
    """An OpenID Connect issuer people may sign in with; `name` is part of its callback path."""

    name: str
    issuer: str
    client_id: str
    client_secret: Secret
    label: str


def _field(variable: str, default: str, about: str, cast: Callable[[str], Any] = str) -> Any:
    return dataclasses.field(
        metadata={
            "variable": variable,
            "default": default,
            "about": about,
            "cast": cast,
        }
    )


def _internal(variable: str, default: str, about: str, cast: Callable[[str], Any] = str) -> Any:
    return dataclasses.field(
        metadata={
            "variable": variable,
            "default": default,
            "about": about,
            "cast": cast,
            "internal": True,
        }
    )


def tcp_port(text: str) -> int:
    """A TCP port, 1 to 65535."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError(text)
    return number


def optional_port(text: str) -> int:
    """A TCP port, 1 to 65535, or nothing."""
    return tcp_port(text) if text not in {"", "0"} else 0


def text_or_json(text: str) -> str:
    """One of: text, json."""
    if text not in {"text", "json"}:
        raise ValueError(text)
    return text


def whole_count(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def name_list(text: str) -> tuple[str, ...]:
    """A comma-separated list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def port_list(text: str) -> tuple[int, ...]:
    """A comma-separated list of TCP ports."""
    return tuple(tcp_port(part) for part in name_list(text))


def origin_list(text: str) -> tuple[str, ...]:
    """A comma-separated list of origins such as https://example.com, or `*`."""
    origins = name_list(text)
    for origin in origins:
        parts = urlsplit(origin)
        is_origin = parts.scheme in {"http", "https"} and f"{parts.scheme}://{parts.netloc}"
        if origin not in {"*", is_origin}:
            raise ValueError(text)
    return origins


def absolute_path(text: str) -> Path:
    """A path; `~` is the home directory."""
    return Path(text).expanduser().absolute()


def http_url(text: str) -> str:
    """An http or https URL; its path, if any, of letters, digits, `.`, `_`, `~` and `-`."""
    parts = urlsplit(text.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(text)
    if parts.query or parts.fragment or not re.fullmatch(r"(/[\w.~-]+)*", parts.path, re.ASCII):
        raise ValueError(text)
    if {".", ".."} & set(parts.path.split("/")):
        raise ValueError(text)
    return parts.geturl()


def auto_on_off(text: str) -> str:
    """One of: auto, on, off."""
    if text not in {"auto", "on", "off"}:
        raise ValueError(text)
    return text


def level_name(text: str) -> str:
    """One of: debug, info, warning, error."""
    level = text.lower()
    if level not in {"debug", "info", "warning", "error"}:
        raise ValueError(text)
    return level


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the person who runs the playground decided; see the module for how it is read."""

    port: int = _field("PORT", "8000", "TCP port of the site and the API", tcp_port)
    host: str = _field("HOST", "127.0.0.1", "address the web role listens on")
    public_url: str = _field(
        "PUBLIC_URL",
        "",
        "URL people and SDKs use, with the path below which the site is hosted, if any; "
        "empty = http://localhost:PORT",
    )
    data_dir: Path = _field(
        "DATA_DIR",
        str(CHECKOUT / ".data"),
        "directory of embedded data, secrets and state; default .data in the checkout",
        absolute_path,
    )
    database_url: Secret = _field(
        "DATABASE_URL",
        "",
        "postgresql:// URL of the app's login role; empty = embedded",
        Secret,
    )
    migrate_database_url: Secret = _field(
        "MIGRATE_DATABASE_URL",
        "",
        "postgresql:// URL of the role that owns the tables, used by migrate alone; "
        "empty = DATABASE_URL",
        Secret,
    )
    redis_url: Secret = _field("REDIS_URL", "", "redis:// URL; empty = embedded", Secret)
    web_processes: int = _field("WEB_PROCESSES", "1", "web processes sharing the port", whole_count)
    executor_processes: int = _field("EXECUTOR_PROCESSES", "1", "executor processes", whole_count)
    database_connections: int = _field(
        "DATABASE_CONNECTIONS",
        "10",
        "most database connections of one process",
        whole_count,
    )
    anonymous: str = _field(
        "ANONYMOUS",
        "",
        "owner of the namespace that clients without a token use; loopback only; empty = nobody",
    )
    api_origins: tuple[str, ...] = _field(
        "API_ORIGINS",
        "",
        "origins whose pages may call the API from a browser, comma-separated; * = any; "
        "empty = none",
        origin_list,
    )
    operators: tuple[str, ...] = _field(
        "OPERATORS",
        "",
        "operators, as issuer|subject or verified e-mail, comma-separated",
        name_list,
    )
    github_client_id: str = _field("GITHUB_CLIENT_ID", "", "GitHub sign-in: OAuth client id")
    github_client_secret: Secret = _field(
        "GITHUB_CLIENT_SECRET", "", "GitHub sign-in: OAuth client secret", Secret
    )
    google_client_id: str = _field("GOOGLE_CLIENT_ID", "", "Google sign-in: OAuth client id")
    google_client_secret: Secret = _field(
        "GOOGLE_CLIENT_SECRET", "", "Google sign-in: OAuth client secret", Secret
    )
    oidc_providers: tuple[OIDCProvider, ...] = _field(
        "OIDC_PROVIDERS",
        "",
        "names of further OpenID issuers, comma-separated, each with "
        "OIDC_<NAME>_ISSUER, _CLIENT_ID, _CLIENT_SECRET and _LABEL",
        name_list,
    )
    dev_login: str = _field(
        "DEV_LOGIN",
        "auto",
        "development sign-in: auto (on when no provider is set and HOST is loopback), on, off",
        auto_on_off,
    )
    devidp_port: int = _field(
        "DEVIDP_PORT",
        "8001",
        "TCP port of the development sign-in; the next free one when taken",
        tcp_port,
    )
    secret_key: Secret = _field(
        "SECRET_KEY",
        "",
        "base64 of at least 32 random bytes that sign tokens and cookies; "
        "empty = generated once into the data directory",
        Secret,
    )
    secrets_key: Secret = _field(
        "SECRETS_KEY",
        "",
        "base64 of 32 random bytes that seal tenants' secrets; to change it put the new one in "
        "front, comma-separated; empty = generated once into the data directory by `up`",
        Secret,
    )
    egress_ports: tuple[int, ...] = _field(
        "EGRESS_PORTS", "80,443,8080,8443", "ports that HTTP tasks may reach", port_list
    )
    log_level: str = _field("LOG_LEVEL", "info", "debug, info, warning or error", level_name)
    log_format: str = _field(
        "LOG_FORMAT", "text", "text, for people, or json: one object a line", text_or_json
    )
    operator_port: int = _field(
        "OPERATOR_PORT",
        "",
        "TCP port of /metrics and /health of each process; `up` gives its processes this one and "
        "those that follow; empty = none",
        optional_port,
    )
    operator_host: str = _field(
        "OPERATOR_HOST", "127.0.0.1", "address the operator's port listens on"
    )
    sandbox_socket: str = _field(
        "SANDBOX_SOCKET",
        "",
        "path of the sandbox's unix socket, for roles that are started one by one; `up` makes one",
    )
    web_socket_fd: int = _field(
        "WEB_SOCKET_FD",
        "-1",
        "descriptor of a bound, listening web socket, as systemd passes it; -1 = bind HOST:PORT",
        int,
    )

    ready_fd: int = _internal(
        "READY_FD", "-1", "descriptor to write to once the role works; -1 = nobody waits", int
    )
    operator_socket_fd: int = _internal(
        "OPERATOR_SOCKET_FD",
        "-1",
        "descriptor of the process's bound operator socket; -1 = bind",
        int,
    )
    devidp_url: str = _internal("DEVIDP_URL", "", "issuer URL of the development provider")
    devidp_socket_fd: int = _internal(
        "DEVIDP_SOCKET_FD",
        "-1",
        "descriptor of the provider's bound socket; -1 = bind",
        int,
    )
    crash_dir: str = _internal("CRASH_DIR", "", "where files name the crash points to die at")
    faults: str = _internal("FAULTS", "", "seed:share of transactions:share of Redis calls")

    @property
    def root_path(self) -> str:
        """The path of the public URL, as in `/conductor`; "" where the site has a host alone."""
        return urlsplit(self.public_url).path

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the web role."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def has_providers(self) -> bool:
        """Whether anyone but the development provider can sign people in."""
        return bool(self.github_client_id or self.google_client_id or self.oidc_providers)

    @property
    def dev_login_enabled(self) -> bool:
        """Whether the development provider runs; 'on' is the only way beyond loopback."""
        if self.dev_login == "auto":
            return self.is_loopback and not self.has_providers
        return self.dev_login == "on"

    @property
    def owner_database_url(self) -> Secret:
        """The URL that `migrate` uses: the owner's, else the app's."""
        return self.migrate_database_url or self.database_url

    def environment(self) -> dict[str, str]:
        """The variables from which `read_settings` makes these settings again."""
        variables = {
            PREFIX + field.metadata["variable"]: _text(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }
        for provider in self.oidc_providers:
            stem = _provider_stem(provider.name)
            variables[f"{stem}_ISSUER"] = provider.issuer
            variables[f"{stem}_CLIENT_ID"] = provider.client_id
            variables[f"{stem}_CLIENT_SECRET"] = str(provider.client_secret)
            variables[f"{stem}_LABEL"] = provider.label
        return variables


@dataclass(frozen=True, kw_only=True)
class Description:
    """One line of the list of settings: full variable name, default as typed, meaning."""

    variable: str
    default: str
    about: str


def describe() -> tuple[Description, ...]:
    """The settings a person may set, in the order of the class."""
    return tuple(
        Description(
            variable=PREFIX + field.metadata["variable"],
            default=".data" if field.name == "data_dir" else field.metadata["default"],
            about=field.metadata["about"],
        )
        for field in dataclasses.fields(Settings)
        if not field.metadata.get("internal")
    )


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in `environ`; raises `Unusable` naming the variable that is wrong."""
    given = {name: value for name, value in environ.items() if value != ""}
    config = Config(environ=given, env_prefix=PREFIX)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        values[field.name] = _read(config, **_reading(field.metadata))
    values["public_url"] = _public_url(values["public_url"], values["port"])
    values["oidc_providers"] = tuple(
        _read_provider(config, name) for name in values["oidc_providers"]
    )
    settings = Settings(**values)
    _refuse_contradictions(settings)
    return settings


def unknown_variables(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """`PLAYGROUND_*` variables that name no setting: most likely typing errors."""
    known = {PREFIX + field.metadata["variable"] for field in dataclasses.fields(Settings)}
    return tuple(
        name
        for name in sorted(environ)
        if name.startswith(PREFIX)
        and name not in known
        and not re.fullmatch(r"PLAYGROUND_OIDC_\w+_(ISSUER|CLIENT_ID|CLIENT_SECRET|LABEL)", name)
    )


def inherited_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment without any `PLAYGROUND_*` setting: what a child gets before its own."""
    known = {PREFIX + field.metadata["variable"] for field in dataclasses.fields(Settings)}
    return {
        name: value
        for name, value in environ.items()
        if name not in known and not name.startswith(PREFIX + "OIDC_")
    }


def tell_ready(descriptor: int) -> None:
    """Tell whoever started this process that it works; -1 = nobody waits for that."""
    if descriptor >= 0:
        os.write(descriptor, b"1")
        os.close(descriptor)


def new_secret_key() -> str:
    """A fresh value for `SECRET_KEY`."""
    return base64.b64encode(secrets.token_bytes(SECRET_KEY_MIN_BYTES)).decode()


def decode_secret_key(secret_key: Secret) -> bytes:
    """The bytes of `SECRET_KEY`; raises `Unusable` when it is not base64 of enough bytes."""
    try:
        key = base64.b64decode(str(secret_key), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < SECRET_KEY_MIN_BYTES:
        raise Unusable(
            f"{PREFIX}SECRET_KEY must be base64 of at least {SECRET_KEY_MIN_BYTES} bytes; make one "
            'with: python3 -c "import base64, secrets; '
            'print(base64.b64encode(secrets.token_bytes(32)).decode())"'
        )
    return key


def decode_secrets_keys(secrets_key: Secret) -> tuple[bytes, ...]:
    """The keys of `SECRETS_KEY`, the current one first; raises `Unusable` for any other text."""
    keys = []
    for text in name_list(str(secrets_key)):
        try:
            keys.append(base64.b64decode(text, validate=True))
        except binascii.Error:
            keys.append(b"")
    if any(len(key) != SECRET_KEY_MIN_BYTES for key in keys):
        raise Unusable(
            f"{PREFIX}SECRETS_KEY must be base64 of {SECRET_KEY_MIN_BYTES} random bytes, or "
            "several of them with commas between; make one with: "
            'python3 -c "import base64, secrets; '
            'print(base64.b64encode(secrets.token_bytes(32)).decode())"'
        )
    return tuple(keys)


def _reading(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: metadata[key] for key in ("variable", "default", "cast")}


def _read(config: Config, variable: str, default: str, cast: Callable[[str], Any]) -> Any:
    try:
        return config(variable, cast=cast, default=default)
    except ValueError as error:
        expected = "a whole number" if cast is int else (cast.__doc__ or "").rstrip(".")
        raise Unusable(
            f"{PREFIX}{variable} is {config.environ.get(PREFIX + variable)!r}, "
            f"but must be: {expected}."
        ) from error


def _public_url(given: str, port_number: int) -> str:
    if not given:
        return f"http://localhost:{port_number}"
    try:
        return http_url(given)
    except ValueError as error:
        raise Unusable(
            f"{PREFIX}PUBLIC_URL is {given!r}, but must be an http(s) URL such as "
            "https://example.com or https://example.com/conductor."
        ) from error


def _provider_stem(name: str) -> str:
    return f"{PREFIX}OIDC_{name.upper().replace('-', '_')}"


def _read_provider(config: Config, name: str) -> OIDCProvider:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise Unusable(
            f"{PREFIX}OIDC_PROVIDERS names {name!r}, but a provider's name is made of a-z, 0-9 "
            "and '-': it is part of its callback path."
        )
    stem = _provider_stem(name)
    missing = [
        f"{stem}_{part}" for part in ("ISSUER", "CLIENT_ID") if not _given(config, stem, part)
    ]
    if missing:
        raise Unusable(f"{PREFIX}OIDC_PROVIDERS names {name!r}, so {missing[0]} must be set too.")
    return OIDCProvider(
        name=name,
        issuer=_given(config, stem, "ISSUER"),
        client_id=_given(config, stem, "CLIENT_ID"),
        client_secret=Secret(_given(config, stem, "CLIENT_SECRET")),
        label=_given(config, stem, "LABEL") or name.title(),
    )


def _given(config: Config, stem: str, part: str) -> str:
    return config.environ.get(f"{stem}_{part}", "")


def _refuse_contradictions(settings: Settings) -> None:
    if settings.anonymous and not settings.is_loopback:
        raise Unusable(
            f"{PREFIX}ANONYMOUS lets clients in without a token, so {PREFIX}HOST must be a "
            f"loopback address such as 127.0.0.1, not {settings.host}."
        )
    on_purpose = [name for name in ("crash_dir", "faults") if getattr(settings, name)]
    if on_purpose and (not settings.is_loopback or settings.has_providers):
        raise Unusable(
            f"{PREFIX}{on_purpose[0].upper()} makes things fail on purpose, for tests: it is "
            "refused where others than this machine's people can sign in or reach the playground."
        )
    if settings.secret_key:
        decode_secret_key(settings.secret_key)
    decode_secrets_keys(settings.secrets_key)
    for field_name, schemes in (
        ("database_url", ("postgresql", "postgres")),
        ("migrate_database_url", ("postgresql", "postgres")),
        ("redis_url", ("redis", "rediss", "unix")),
    ):
        url = str(getattr(settings, field_name))
        if url and urlsplit(url).scheme not in schemes:
            raise Unusable(f"{PREFIX}{field_name.upper()} must begin with {schemes[0]}://.")


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(
            part.name if isinstance(part, OIDCProvider) else str(part) for part in value
        )
    return str(value)
