"""Incoming webhooks: their configuration, and taking deliveries that prove where they come from.

A delivery is committed as a message before anything comes of it; `webhook_deliveries` says what
does. Secrets are sealed and never read back: `***` stands for them, also in what clients send to
keep one as it is.
"""

import secrets
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from playground.engine import events
from playground.engine.advance import plan_of
from playground.engine.runtime import Runtime
from playground.engine.webhook_verifiers import (
    Delivery,
    challenge_answer,
    delivery_id,
    is_verified,
    secret_problem,
)
from playground.model.definitions import JSONObject
from playground.model.errors import Finding, InvalidFields, NotFound
from playground.model.events import EventMessage, EventMessageType
from playground.model.reading import read_any
from playground.model.requests import IdempotencyStrategy
from playground.model.tags import ResourceType
from playground.model.webhooks import Verifier, WebhookConfig, WebhookExecution
from playground.store import event_messages, tags, webhooks
from playground.store.definitions import Author
from playground.store.rows import encode_text
from playground.store.webhooks import StoredWebhook
from tenants import quotas
from tenants.caller import Caller, Plan
from tenants.database import Role
from tenants.errors import InvalidCredentials

MASK: Final = "***"
MOST_WEBHOOKS: Final = 100
IDEMPOTENCY_FIELDS: Final = ("idempotencyKey", "idempotencyStrategy")
_MOST_WORKFLOWS: Final = 20
_HISTORY: Final = 20
_MOST_KNOWN: Final = 10_000
_DELIVERED: Final = uuid.UUID("c7f2f0e4-58d2-4b0e-8d0a-5f5d2a0b8f3e")
_VERIFIER_OF: Final = {
    "custom": Verifier.HEADER_BASED,
    "github": Verifier.SIGNATURE_BASED,
    "slack": Verifier.SLACK_BASED,
    "stripe": Verifier.STRIPE,
    "microsoft teams": Verifier.HMAC_BASED,
    "sendgrid": Verifier.SENDGRID,
    "twitter": Verifier.TWITTER,
}


class _Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed of a configuration."""

    secret_value: str = ""
    headers: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook ready to take a delivery, with its secrets in the clear."""

    namespace: str
    plan: Plan
    config: WebhookConfig


# Configuration


async def create(rt: Runtime, caller: Caller, given: WebhookConfig) -> WebhookConfig:
    """Add a webhook under a new, unguessable id; as readers see it.

    Raises `InvalidFields` with every finding, `QuotaExceeded` beyond a hundred.
    """
    config = _completed(given)
    _check(config)
    webhook_id = secrets.token_urlsafe(32)
    body, sealed = _apart(rt, caller.namespace, webhook_id, config)
    by = Author(caller.namespace, caller.label, rt.now_ms())
    async with rt.unit_of_work(caller.namespace) as connection:
        await webhooks.add(connection, webhook_id, by, body=body, sealed=sealed)
        if await webhooks.count(connection) > MOST_WEBHOOKS:
            raise quotas.exceeded("webhooks", MOST_WEBHOOKS)
    return masked(replace(config, id=webhook_id, created_by=caller.label))


async def update(
    rt: Runtime, caller: Caller, webhook_id: str, given: WebhookConfig
) -> WebhookConfig:
    """Replace a webhook's configuration; a secret that is `***` or missing stays."""
    async with rt.reading(caller.namespace) as connection:
        stored = await webhooks.webhook(connection, webhook_id)
    if stored is None:
        raise unknown(webhook_id)
    config = _with_kept_secrets(_completed(given), opened(rt, stored))
    _check(config)
    body, sealed = _apart(rt, caller.namespace, webhook_id, config)
    async with rt.unit_of_work(caller.namespace) as connection:
        await webhooks.change(connection, webhook_id, body=body, sealed=sealed, now_ms=rt.now_ms())
    return masked(
        replace(
            config,
            id=webhook_id,
            created_by=stored.created_by,
            url_verified=stored.url_verified,
        )
    )


async def remove(rt: Runtime, caller: Caller, webhook_id: str) -> None:
    """Remove a webhook; deliveries that wait come to nothing."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await webhooks.remove(connection, webhook_id):
            raise unknown(webhook_id)
        await tags.forget(connection, ResourceType.WEBHOOK, webhook_id)


def unknown(webhook_id: str) -> NotFound:
    """That webhook is not there, or somebody else's."""
    return NotFound(f"Webhook with id {webhook_id} not found!")


def shown(stored: StoredWebhook, history: list[EventMessage] | None = None) -> WebhookConfig:
    """A stored webhook as readers see it, with its latest deliveries."""
    return replace(_config_of(stored), webhook_execution_history=[*map(_execution, history or [])])


def _execution(message: EventMessage) -> WebhookExecution:
    done = [record.output for record in message.event_executions]
    return WebhookExecution(
        event_id=message.id,
        matched=bool(done),
        payload=message.payload,
        time_stamp=message.created_at,
        workflow_ids=[
            output["workflowId"] for output in done if isinstance(output.get("workflowId"), str)
        ],
    )


def masked(config: WebhookConfig) -> WebhookConfig:
    """The configuration without its secrets."""
    return replace(
        config,
        secret_value=MASK if config.secret_value else UNSET,
        headers=dict.fromkeys(config.headers, MASK),
    )


def opened(rt: Runtime, stored: StoredWebhook) -> WebhookConfig:
    """The configuration with its secrets in the clear: never for readers."""
    text = rt.keyring.open(_bytes_of(stored.sealed), place=_place(stored.namespace, stored.id))
    kept = msgspec.json.decode(text, type=_Secrets)
    return replace(
        _config_of(stored), secret_value=kept.secret_value or UNSET, headers=kept.headers
    )


def _config_of(stored: StoredWebhook) -> WebhookConfig:
    return replace(
        msgspec.json.decode(stored.body, type=WebhookConfig),
        id=stored.id,
        created_by=stored.created_by,
        url_verified=stored.url_verified,
    )


def _apart(rt: Runtime, namespace: str, webhook_id: str, config: WebhookConfig) -> tuple[str, str]:
    """What is stored as it is, and what is sealed."""
    hidden = _Secrets(secret_value=config.secret_value or "", headers=config.headers)
    sealed = rt.keyring.seal(encode_text(hidden), place=_place(namespace, webhook_id))
    plain = replace(masked(config), id=UNSET, created_by=UNSET, webhook_execution_history=[])
    return encode_text(plain), sealed.hex()


def _bytes_of(sealed: str) -> bytes:
    return bytes.fromhex(sealed)


def _place(namespace: str, webhook_id: str) -> str:
    return f"webhook/{namespace}/{webhook_id}"


def _completed(given: WebhookConfig) -> WebhookConfig:
    """With the verifier of its platform where none is named."""
    if given.verifier:
        return given
    platform = (given.source_platform or "").strip().lower()
    return replace(given, verifier=_VERIFIER_OF.get(platform, UNSET))


def _with_kept_secrets(given: WebhookConfig, known: WebhookConfig) -> WebhookConfig:
    kept = given.secret_value in (UNSET, "", MASK)
    return replace(
        given,
        secret_value=known.secret_value if kept else given.secret_value,
        headers={
            name: known.headers.get(name, value) if value == MASK else value
            for name, value in given.headers.items()
        },
    )


def _check(config: WebhookConfig) -> None:
    findings = list(_findings(config))
    if findings:
        raise InvalidFields(findings, findings[0].message if len(findings) == 1 else "")


def _findings(config: WebhookConfig) -> Iterator[Finding]:
    if not config.name.strip():
        yield Finding("name", "Webhook name cannot be empty")
    if not config.verifier:
        choices = ", ".join(Verifier)
        yield Finding("verifier", f"verifier must be one of {choices}")
    elif config.verifier is Verifier.HEADER_BASED:
        if not config.headers or not all(config.headers.values()):
            message = "headers must name at least one header and the value it must have"
            yield Finding("headers", message)
    elif not config.secret_value or config.secret_value == MASK:
        yield Finding("secretValue", f"secretValue is required for {config.verifier}")
    elif problem := secret_problem(config):
        yield Finding("secretValue", problem)
    yield from _start_findings(config)
    if len(config.receiver_workflow_names_to_versions) > _MOST_WORKFLOWS:
        message = f"A webhook has at most {_MOST_WORKFLOWS} receiver workflows."
        yield Finding("receiverWorkflowNamesToVersions", message)


def _start_findings(config: WebhookConfig) -> Iterator[Finding]:
    if len(config.workflows_to_start) > _MOST_WORKFLOWS:
        message = f"A webhook starts at most {_MOST_WORKFLOWS} workflows."
        yield Finding("workflowsToStart", message)
    for name, version in config.workflows_to_start.items():
        path = f"workflowsToStart.{name}"
        if name == "idempotencyStrategy":
            if version not in tuple(IdempotencyStrategy):
                choices = ", ".join(IdempotencyStrategy)
                yield Finding(path, f"idempotencyStrategy must be one of {choices}")
        elif name == "idempotencyKey":
            if not isinstance(version, str):
                yield Finding(path, "idempotencyKey must be a text")
        elif version is not None and (
            not isinstance(version, int) or isinstance(version, bool) or not 0 <= version < 2**31
        ):
            yield Finding(path, "the version of a workflow must be a whole number, or null")


# Deliveries


_known: OrderedDict[str, str] = OrderedDict()
"""Webhook id → namespace. It never changes; whether the webhook is still there is looked up."""


async def plan_behind(rt: Runtime, webhook_id: str) -> tuple[str, Plan]:
    """The namespace of a webhook and its plan, so that its rate is taken before anything else.

    Raises `NotFound`.
    """
    namespace = _known.get(webhook_id)
    if namespace is None:
        async with rt.database.transaction(Role.CLAIMS) as connection:
            namespace = await webhooks.namespace_of(connection, webhook_id)
        if namespace is None:
            raise _nowhere()
        _known[webhook_id] = namespace
        if len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)
    return namespace, await plan_of(rt, namespace)


async def find(rt: Runtime, webhook_id: str) -> Hook:
    """A webhook to deliver to. Raises `NotFound`."""
    namespace, plan = await plan_behind(rt, webhook_id)
    async with rt.reading(namespace) as connection:
        stored = await webhooks.webhook(connection, webhook_id)
        suspended = await webhooks.is_suspended(connection)
    if stored is None or suspended:
        raise _nowhere()
    return Hook(namespace, plan, opened(rt, stored))


def _nowhere() -> NotFound:
    return NotFound("No webhook at this address.")


async def challenge(rt: Runtime, webhook_id: str, token: str) -> JSONObject:
    """The answer to a platform that asks before it delivers. Raises `NotFound`."""
    return dict(challenge_answer((await find(rt, webhook_id)).config, token))


async def receive(rt: Runtime, webhook_id: str, delivery: Delivery) -> JSONObject:
    """Take a delivery; the answer to it.

    One that came before, by the id its platform gives it, changes nothing. Raises `NotFound`,
    `InvalidCredentials` for one that proves nothing, `Invalid` when it is not JSON, and
    `QuotaExceeded` when there are too many.
    """
    hook = await find(rt, webhook_id)
    if not is_verified(hook.config, delivery, rt.now_ms()):
        raise InvalidCredentials("This delivery does not prove that it comes from where it should.")
    payload = read_any(delivery.body or b"{}", max_bytes=len(delivery.body) + 2)
    if not hook.config.url_verified:
        async with rt.unit_of_work(hook.namespace) as connection:
            await webhooks.note_verified(connection, webhook_id)
    question = _question_of(hook.config, payload)
    if question is not None:
        return {"challenge": question}
    message_id = _message_id(rt, hook, webhook_id, delivery, payload)
    await events.keep(
        rt,
        hook.namespace,
        hook.plan,
        message_id,
        webhook_id,
        payload,
        kind=EventMessageType.WEBHOOK,
    )
    return {"eventId": message_id}


async def try_out(rt: Runtime, caller: Caller, webhook_id: str, payload: Any) -> str:
    """Do with a payload what a delivery would; returns its id.

    The owner has proved who they are, so nothing is verified. Raises `NotFound`, `QuotaExceeded`.
    """
    async with rt.reading(caller.namespace) as connection:
        if await webhooks.webhook(connection, webhook_id) is None:
            raise unknown(webhook_id)
    message_id = rt.new_id()
    await events.keep(
        rt,
        caller.namespace,
        caller.plan,
        message_id,
        webhook_id,
        payload,
        kind=EventMessageType.WEBHOOK,
    )
    return message_id


def _question_of(config: WebhookConfig, payload: Any) -> str | None:
    """What Slack wants to hear back when the URL is entered there."""
    if config.verifier is not Verifier.SLACK_BASED or not isinstance(payload, dict):
        return None
    if payload.get("type") != "url_verification":
        return None
    return str(payload.get("challenge") or "")


def _message_id(rt: Runtime, hook: Hook, webhook_id: str, delivery: Delivery, payload: Any) -> str:
    known = delivery_id(hook.config, delivery, payload)
    return str(uuid.uuid5(_DELIVERED, f"{webhook_id}/{known}")) if known else rt.new_id()


async def history(rt: Runtime, namespace: str, webhook_id: str) -> list[EventMessage]:
    """The latest deliveries of a webhook, newest first."""
    async with rt.reading(namespace) as connection:
        return await event_messages.messages_of(connection, webhook_id, most=_HISTORY)
