"""Fetch a URL that a tenant chose, without letting it reach what is not public.

One parser (yarl) builds the URL, is checked and connects. A name is resolved once; every answer
must be allowed; and the socket factory checks again the very address that is being connected to,
so rebinding and a second look-up have no hold. Redirects are followed by hand, each from the
start. Whoever is refused learns one sentence; why is for our log.
"""

import asyncio
import ipaddress
import logging
import re
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from playground.egress.addresses import AddressPolicy
from playground.egress.limits import EgressLimiter, TooManyRequests

REFUSED = "destination not allowed"
MAX_URL_BYTES = 8 * 1024
MAX_BODY_BYTES = 1024 * 1024
MAX_REQUEST_HEADERS = 100
MAX_DEADLINE_MS = 30_000
MAX_REDIRECTS = 5
MAX_ADDRESSES = 4
DNS_SECONDS = 3.0
SAMPLES_PREFIX = "/samples/"

# The caller's to say, not the tenant's: how the message is framed, where it goes, how it returns.
_OURS_TO_SET = frozenset(
    {
        "host",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "accept-encoding",
        "user-agent",
        "via",
        "cdn-loop",
        "http2-settings",
    }
)
_SECRET_HEADERS = frozenset({"authorization", "cookie", "x-api-key", "x-authorization"})
_BODY_HEADERS = frozenset({"content-type", "content-encoding", "content-language"})
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?"
)
_NUMBERS_ONLY = re.compile(r"[0-9a-fx.]*[0-9][0-9a-fx.]*")
_FORBIDDEN_IN_URL = re.compile(r"[\x00-\x1f\x7f\\]")
_AUTHORITY = re.compile(r"^[^:/?#]*://[^/?#]*")
_QUERY = re.compile(r"[!$-;=?-Z\[\]^_`a-z{|}~]*")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_SAMPLE_PATH = re.compile(r"//|%2e|%2f|%5c|(^|/)\.\.?(/|$)", re.IGNORECASE)

_log = logging.getLogger(__name__)

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host name and port → its addresses as text; OSError when there are none."""


@dataclass(frozen=True, kw_only=True)
class EgressRequest:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    connect_timeout_ms: int = 3_000
    read_timeout_ms: int = 3_000
    deadline_ms: int = 10_000
    encode: bool = True
    """False: the query is encoded already and is sent as it is."""


@dataclass(frozen=True, kw_only=True)
class EgressResponse:
    """`headers` in the order of arrival, `body` as it came (never decompressed)."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


class EgressRefused(Exception):
    """We do not connect there. The text is the same for every reason, so that it tells nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(REFUSED)
        self.reason = reason


class EgressFailed(Exception):
    """The exchange did not succeed.

    `kind` is one of: invalid (the request), resolve, connect, tls, timeout, too_large, protocol,
    redirects, limited.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _AddressRefused(OSError):
    """Raised inside the connector, which passes on nothing but OSError."""


class Egress:
    def __init__(
        self,
        *,
        policy: AddressPolicy,
        limiter: EgressLimiter,
        own_origin: str,
        samples_origin: str | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """`own_origin` is where the playground itself answers: never a destination.

        Args:
            policy: what may be connected to.
            limiter: holds each request until its namespace may send it.
            own_origin: such as `https://play.example`; also named in the User-Agent.
            samples_origin: exactly this origin passes, for paths below `/samples/`; where it has a
                path, below that path's `/samples/`.
            resolve: how names become addresses; by default the system's resolver.
        """
        self._policy = policy
        self._limiter = limiter
        self._own = URL(own_origin)
        self._samples = URL(samples_origin).origin() if samples_origin else None
        # The site may be hosted below a path of that origin.
        below = URL(samples_origin or "").raw_path.rstrip("/")
        self._samples_prefix = below + SAMPLES_PREFIX
        self._names = _Names(resolve) if resolve else _SystemNames()
        self.requests = 0
        self.refused = 0
        self.failed: Counter[str] = Counter()
        """Kind of `EgressFailed` → how often."""
        self._outside: aiohttp.ClientSession | None = None
        self._inside: aiohttp.ClientSession | None = None
        self._always = {
            "User-Agent": f"Playground/0.1 (+{own_origin})",
            "Accept-Encoding": "identity",
            "Via": "1.1 playground",
            "CDN-Loop": f"playground; host={self._own.raw_host}",
        }

    async def fetch(self, namespace: str, request: EgressRequest) -> EgressResponse:
        """Send the request for `namespace` and read the whole answer.

        Raises:
            EgressRefused: the destination, at any hop, is not one we connect to.
            EgressFailed: the request is malformed, took too long, was too much, or broke.
        """
        self.requests += 1
        try:
            return await self._fetch(namespace, request)
        except EgressRefused:
            self.refused += 1
            raise
        except EgressFailed as failure:
            self.failed[failure.kind] += 1
            raise

    async def _fetch(self, namespace: str, request: EgressRequest) -> EgressResponse:
        deadline_seconds = min(request.deadline_ms, MAX_DEADLINE_MS) / 1000
        try:
            request = _checked(request)
            url = _parsed(request.url)
            if not request.encode:
                url = _with_raw_query(url, request.url)
            # Entering a slot may wait; that is not the destination's time.
            if self._is_sample(request.url, url):
                async with (
                    self._limiter.slot(namespace, None),
                    asyncio.timeout(deadline_seconds),
                ):
                    return await self._exchange(self._samples_session(), request, url)
            return await self._follow(namespace, request, url, deadline_seconds)
        except EgressRefused as refusal:
            _log.info(
                "egress refused",
                extra={"namespace": namespace, "reason": refusal.reason},
            )
            raise
        except TooManyRequests as problem:
            again = max(1, round(problem.retry_after_seconds))
            raise EgressFailed("limited", f"{problem}; try again in {again} s") from problem
        except TimeoutError as problem:
            raise EgressFailed(
                "timeout", f"no complete answer within {deadline_seconds:g} seconds"
            ) from problem

    async def close(self) -> None:
        for session in (self._outside, self._inside):
            if session:
                await session.close()
        self._names.shut()

    async def _follow(
        self, namespace: str, request: EgressRequest, url: URL, deadline_seconds: float
    ) -> EgressResponse:
        left = deadline_seconds
        loop = asyncio.get_running_loop()
        for _ in range(MAX_REDIRECTS + 1):
            self._check(url)
            async with self._limiter.slot(namespace, url.raw_host):
                started = loop.time()
                async with asyncio.timeout(max(left, 0)):
                    response = await self._exchange(self._outside_session(), request, url)
                left -= loop.time() - started
            location = _header(response, "location")
            if response.status not in _REDIRECTS or location is None:
                return response
            target = _joined(url, location)
            request = _redirected(request, response.status, url, target)
            url = target
        raise EgressFailed("redirects", f"more than {MAX_REDIRECTS} redirects")

    def _is_sample(self, text: str, url: URL) -> bool:
        """Whether this is one of our stand-ins, told from the text as well as from the parse.

        The parse has already resolved dot segments; the text shows that there were none.
        """
        if self._samples is None or url.raw_user is not None or url.raw_password is not None:
            return False
        path = re.sub(r"^[^:]*://[^/?#]*", "", text).partition("?")[0].partition("#")[0]
        return (
            url.origin() == self._samples
            and url.raw_path.startswith(self._samples_prefix)
            and path.startswith(self._samples_prefix)
            and not _NOT_IN_SAMPLE_PATH.search(path)
        )

    def _check(self, url: URL) -> None:
        host = (url.raw_host or "").lower()
        if not self._policy.allows_port(url.port or 0):
            raise EgressRefused(f"port {url.port}")
        if host.rstrip(".") == (self._own.raw_host or "").lower():
            raise EgressRefused("our own host")
        if not self._policy.allows_host(host):
            raise EgressRefused("a denied host")
        if _is_literal(host):
            if not self._policy.allows_address(host):
                raise EgressRefused(f"address {host}")
        elif _NUMBERS_ONLY.fullmatch(host) or not _HOST_NAME.fullmatch(host):
            raise EgressRefused("a host that is neither a name nor a plain address")

    async def _exchange(
        self, session: aiohttp.ClientSession, request: EgressRequest, url: URL
    ) -> EgressResponse:
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=request.connect_timeout_ms / 1000,
            sock_read=request.read_timeout_ms / 1000,
        )
        try:
            async with session.request(
                request.method,
                url,
                headers={**request.headers, **self._always},
                data=request.body,
                allow_redirects=False,
                timeout=timeout,
                skip_auto_headers=("Content-Type",),
            ) as answer:
                body = await _bounded_body(answer)
                return EgressResponse(
                    status=answer.status,
                    reason=_text((answer.reason or "").encode("utf-8", "surrogateescape")),
                    headers=[(_text(name), _text(value)) for name, value in answer.raw_headers],
                    body=body,
                )
        except (
            TimeoutError,
            aiohttp.ClientError,
            OSError,
            ValueError,
            AssertionError,
        ) as problem:
            raise _explained(problem) from problem

    def _outside_session(self) -> aiohttp.ClientSession:
        if self._outside is None:
            connector = aiohttp.TCPConnector(
                resolver=_CheckedNames(self._names, self._policy),
                use_dns_cache=False,
                force_close=True,
                limit=0,
                socket_factory=self._checked_socket,
            )
            self._outside = _session(connector)
        return self._outside

    def _samples_session(self) -> aiohttp.ClientSession:
        if self._inside is None:
            self._inside = _session(aiohttp.TCPConnector(limit=0, keepalive_timeout=4))
        return self._inside

    def _checked_socket(self, address_info: Any) -> socket.socket:
        """A socket for exactly this address: the last look, at what is really connected to."""
        family, kind, protocol, _, address = address_info
        if not self._policy.allows_address(address[0]) or not self._policy.allows_port(address[1]):
            raise _AddressRefused(f"address {address[0]}")
        return socket.socket(family, kind, protocol)


# ---- names


class _Names:
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def addresses(self, host: str, port: int) -> list[str]:
        return await self._resolve(host, port)

    def shut(self) -> None:
        pass


class _SystemNames(_Names):
    """The system's resolver, in threads of its own: slow names must not hold the others up."""

    def __init__(self) -> None:
        super().__init__(self._look_up)
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="egress-dns")

    async def _look_up(self, host: str, port: int) -> list[str]:
        # With the dot at the end, the search domains of resolv.conf do not apply.
        answers = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(
                host.rstrip(".") + ".",
                port,
                type=socket.SOCK_STREAM,
                proto=socket.IPPROTO_TCP,
            ),
        )
        return [str(answer[4][0]) for answer in answers]

    def shut(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _CheckedNames(AbstractResolver):
    """aiohttp's resolver: one bad address refuses the whole answer."""

    def __init__(self, names: _Names, policy: AddressPolicy) -> None:
        self._names = names
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            async with asyncio.timeout(DNS_SECONDS):
                addresses = await self._names.addresses(host, port)
        except (OSError, UnicodeError) as problem:
            # A failed look-up and a name that is refused look alike only to the destination's
            # owner; tenants may know whether a public name exists.
            raise EgressFailed("resolve", f"the host {host} was not found") from problem
        for address in addresses:
            if not self._policy.allows_address(address):
                raise EgressRefused(f"{host} is {address}")
        if not addresses:
            raise EgressFailed("resolve", f"the host {host} was not found")
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": socket.IPPROTO_TCP,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in list(dict.fromkeys(addresses))[:MAX_ADDRESSES]
        ]

    async def close(self) -> None:
        pass


# ---- requests and answers


def _checked(request: EgressRequest) -> EgressRequest:
    """The request with the headers that are ours left out.

    Raises:
        EgressFailed: the method, a header or the size of the body is not acceptable.
    """
    if request.method not in _METHODS:
        raise EgressFailed("invalid", f"the method {request.method[:20]!r} is not supported")
    if request.body is not None and len(request.body) > MAX_BODY_BYTES:
        raise EgressFailed("invalid", "the request body is larger than 1 MB")
    if len(request.headers) > MAX_REQUEST_HEADERS:
        raise EgressFailed("invalid", f"more than {MAX_REQUEST_HEADERS} headers")
    kept = {}
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise EgressFailed("invalid", f"the header name {name[:60]!r} is not valid")
        if _NOT_IN_HEADER.search(value) or not _encodable(value):
            raise EgressFailed("invalid", f"the value of the header {name[:60]} is not valid")
        lower = name.lower()
        if lower not in _OURS_TO_SET and not lower.startswith("proxy-"):
            kept[name] = value
    if sum(len(name) + len(value) for name, value in kept.items()) > 32 * 1024:
        raise EgressFailed("invalid", "the headers are larger than 32 KB")
    return replace(request, headers=kept)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeError:
        return False
    return True


def _parsed(text: str) -> URL:
    if len(text.encode("utf-8", "replace")) > MAX_URL_BYTES:
        raise EgressFailed("invalid", "the URL is longer than 8 KB")
    if _FORBIDDEN_IN_URL.search(text) or not _encodable(text):
        raise EgressFailed("invalid", "the URL contains a character that is not allowed")
    try:
        url = URL(text)
        url.origin()
        port = url.port
    except (ValueError, UnicodeError) as problem:
        raise EgressFailed("invalid", "the URL is not valid") from problem
    authority = _AUTHORITY.match(text)
    if authority and "@" in authority.group():
        raise EgressRefused("user information in the URL")
    if url.scheme not in ("http", "https") or not url.raw_host or port is None:
        raise EgressFailed("invalid", "the URL does not begin with http:// or https:// and a host")
    return url


def _with_raw_query(url: URL, text: str) -> URL:
    """The checked URL with its query as it was written; where it goes stays what was parsed."""
    query = text.partition("#")[0].partition("?")[2]
    if not query:
        return url
    if not _QUERY.fullmatch(query):
        raise EgressFailed("invalid", "the query of the URL is not encoded")
    return URL(f"{url.with_query(None).with_fragment(None)}?{query}", encoded=True)


def _joined(url: URL, location: str) -> URL:
    try:
        return _parsed(str(url.join(URL(location.strip()))))
    except (EgressFailed, ValueError, UnicodeError) as problem:
        raise EgressFailed("redirects", "a redirect to something that is not a URL") from problem


def _redirected(request: EgressRequest, status: int, url: URL, target: URL) -> EgressRequest:
    """What is sent to the next hop: 301-303 ask with GET, another origin gets no secrets."""
    headers, method, body = dict(request.headers), request.method, request.body
    if status in (301, 302, 303) and method != "HEAD":
        method, body = "GET", None
        headers = {name: v for name, v in headers.items() if name.lower() not in _BODY_HEADERS}
    if target.origin() != url.origin():
        headers = {name: v for name, v in headers.items() if name.lower() not in _SECRET_HEADERS}
    return replace(request, method=method, headers=headers, body=body)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        requote_redirect_url=False,
        max_line_size=8 * 1024,
        max_field_size=8 * 1024,
        max_headers=128,
    )


async def _bounded_body(answer: aiohttp.ClientResponse) -> bytes:
    if (answer.content_length or 0) > MAX_BODY_BYTES:
        raise EgressFailed("too_large", "the response is larger than 1 MB")
    parts, size = [], 0
    async for part in answer.content.iter_chunked(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise EgressFailed("too_large", "the response is larger than 1 MB")
    return b"".join(parts)


def _explained(problem: Exception) -> EgressRefused | EgressFailed:
    match problem:
        case TimeoutError():
            return EgressFailed("timeout", "the server did not answer in time")
        case aiohttp.ClientConnectorCertificateError():
            return EgressFailed("tls", "the server's certificate is not valid for this host")
        case aiohttp.ClientConnectorSSLError() | aiohttp.ServerFingerprintMismatch():
            return EgressFailed("tls", "no secure connection could be made")
        case aiohttp.InvalidURL():
            return EgressRefused("an address that is not canonical")
        case aiohttp.ClientConnectorError() if _was_refused(problem.os_error):
            return EgressRefused("an address refused at connect")
        case aiohttp.ClientConnectorError():
            return EgressFailed("connect", "no connection could be made")
    return EgressFailed("protocol", "the exchange with the server broke")


def _was_refused(problem: BaseException | None) -> bool:
    # Several failed attempts arrive as one OSError that only has their texts.
    return isinstance(problem, _AddressRefused) or "_AddressRefused" in repr(problem)


def _header(response: EgressResponse, wanted: str) -> str | None:
    return next((value for name, value in response.headers if name.lower() == wanted), None)


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
