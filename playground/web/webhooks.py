"""Incoming webhooks: the list, one in a form or as JSON, how to call it, and what was delivered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import webhooks
from playground.model.definitions import JSONObject
from playground.model.errors import Finding, Invalid, InvalidFields, NotFound, PlaygroundError
from playground.model.webhooks import Verifier, WebhookConfig, WebhookExecution
from playground.problems import problem_of
from playground.store import event_messages, queries
from playground.store import webhooks as stored
from playground.web.drafts import Draft, draft_of, posted_draft
from playground.web.fields import Field, Kind, Section, json_value, whole
from playground.web.forms import Form, path_text, read_form, read_query
from playground.web.pages import quoted, redirect, render, runtime, site
from playground.web.resources import (
    Editing,
    Link,
    confirmed,
    document_of,
    download,
    tabs_of,
    without_saving,
    words_of,
)
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

HOME: Final = "/definitions/webhooks"
NEW: Final = "/new/webhook"
DELIVERIES: Final = "deliveries"

VERIFIERS: Final = (
    (Verifier.HEADER_BASED, "A header with a value that only the sender knows"),
    (Verifier.SIGNATURE_BASED, "GitHub: a signature of the body (SHA-256)"),
    (Verifier.HMAC_BASED, "Microsoft Teams: an HMAC of the body"),
    (Verifier.SLACK_BASED, "Slack"),
    (Verifier.STRIPE, "Stripe"),
    (Verifier.TWITTER, "Twitter"),
    (Verifier.SENDGRID, "SendGrid"),
)
_STRATEGIES: Final = (
    ("", "Always start a new execution"),
    ("RETURN_EXISTING", "Keep the existing execution"),
    ("FAIL", "Fail when the key was used"),
    ("FAIL_ON_RUNNING", "Fail while one with the key runs"),
)
_IDEMPOTENCY: Final = ("idempotencyKey", "idempotencyStrategy")


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookLine:
    config: WebhookConfig
    proof: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhooksPage:
    search: str
    lines: tuple[WebhookLine, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookPage:
    """`deliveries` is None except on their tab; `curl` "" where only a platform can sign."""

    edit: Editing
    url: str = ""
    curl: str = ""
    is_verified: bool = False
    history: tuple[WebhookExecution, ...] = ()
    deliveries: tuple[WebhookExecution, ...] | None = None
    payload: str = '{\n  "orderId": 4711\n}'
    payload_problem: str = ""
    is_sent: bool = False


def _headers_text(value: Any, _: JSONObject) -> str:
    headers = value if isinstance(value, dict) else {}
    return "\n".join(f"{name}: {secret}" for name, secret in headers.items())


def _headers_value(text: str, _: object) -> dict[str, str]:
    found = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if line.strip() and not colon:
            raise Invalid("One header a line, as in `X-Token: secret`.")
        if name.strip():
            found[name.strip()] = value.strip()
    return found


def _workflows_text(value: Any, _: JSONObject) -> str:
    """Name and version on each line; no version is the latest."""
    workflows = value if isinstance(value, dict) else {}
    return "\n".join(
        f"{name} {version}" if version else str(name)
        for name, version in workflows.items()
        if name not in _IDEMPOTENCY
    )


def _workflows_value(text: str, _: object) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in text.split("\n"):
        name, _space, version = line.strip().partition(" ")
        if name:
            found[name] = whole(version.strip())
    return found


def _receivers_value(text: str, texts: Mapping[str, str]) -> dict[str, Any]:
    return {name: version or 1 for name, version in _workflows_value(text, texts).items()}


def _idempotent(known: str) -> Any:
    def show(_: Any, document: JSONObject) -> str:
        workflows = document.get("workflowsToStart")
        return str(workflows.get(known) or "") if isinstance(workflows, dict) else ""

    return show


def sections(*, is_new: bool) -> tuple[Section, ...]:
    kept = "" if is_new else " Left empty, it stays as it is."
    return (
        Section(
            title="Webhook",
            fields=(
                Field(name="name", label="Name", required=True),
                Field(
                    name="verifier",
                    label="How a delivery proves where it comes from",
                    kind=Kind.CHOICE,
                    choices=tuple((str(value), words) for value, words in VERIFIERS),
                    default=str(Verifier.HEADER_BASED),
                ),
                Field(
                    name="headers",
                    label="Headers it must have",
                    kind=Kind.LINES,
                    show=_headers_text,
                    read=_headers_value,
                    placeholder="X-Token: something long that nobody guesses",
                    hint="One a line. Values are kept encrypted; `***` leaves one as it is.",
                ),
                Field(
                    name="headerKey",
                    label="Header of the signature",
                    placeholder="X-Hub-Signature-256",
                ),
                Field(
                    name="secretValue",
                    label="Secret",
                    control="password",
                    hint=f"What the platform signs with. Kept encrypted, never shown.{kept}",
                    show=lambda _, __: "",
                ),
                Field(name="sourcePlatform", label="Platform", placeholder="GitHub"),
            ),
        ),
        Section(
            title="What a delivery does",
            fields=(
                Field(
                    name="workflowsToStart",
                    label="Start these workflows",
                    kind=Kind.LINES,
                    show=_workflows_text,
                    read=_workflows_value,
                    placeholder="order_flow\ninvoice_flow 2",
                    hint="One a line, with a version or without. The payload is their input.",
                ),
                Field(
                    name="receiverWorkflowNamesToVersions",
                    label="Complete waiting tasks of these workflows",
                    kind=Kind.LINES,
                    show=_workflows_text,
                    read=_receivers_value,
                    placeholder="approval_flow 1",
                    hint="Their WAIT_FOR_WEBHOOK tasks whose `matches` fit the payload.",
                ),
            ),
        ),
        Section(
            title="The same delivery twice",
            is_open=False,
            fields=(
                Field(
                    name="idempotencyKey",
                    label="Idempotency key",
                    placeholder="${workflow.input.orderId}",
                    show=_idempotent("idempotencyKey"),
                    also=("workflowsToStart.idempotencyKey",),
                ),
                Field(
                    name="idempotencyStrategy",
                    label="When the key was used before",
                    kind=Kind.CHOICE,
                    choices=_STRATEGIES,
                    show=_idempotent("idempotencyStrategy"),
                    also=("workflowsToStart.idempotencyStrategy",),
                ),
            ),
        ),
    )


def _whole(document: JSONObject) -> JSONObject:
    """Idempotency goes where Conductor has it: among the workflows to start."""
    rest = {key: value for key, value in document.items() if key not in _IDEMPOTENCY}
    moved = {key: document[key] for key in _IDEMPOTENCY if document.get(key)}
    return rest | {"workflowsToStart": rest.get("workflowsToStart", {}) | moved}


def shown_document(config: WebhookConfig) -> JSONObject:
    """What its author wrote; `***` stands for secrets."""
    hidden = ("id", "webhookExecutionHistory", "urlVerified")
    return {key: value for key, value in document_of(config).items() if key not in hidden}


async def list_webhooks(request: Request) -> Response:
    caller, search = signed_in(request).member.caller, read_query(request).line("q")
    async with runtime(request).reading(caller.namespace) as connection:
        found = [webhooks.shown(one) for one in await stored.webhooks_of(connection)]
    page = webhooks_page(found, search)
    return await render(request, "webhooks/list.html", page)


def webhooks_page(found: Sequence[WebhookConfig], search: str) -> WebhooksPage:
    words = {str(value): text for value, text in VERIFIERS}
    return WebhooksPage(
        search=search,
        lines=tuple(
            WebhookLine(config=one, proof=words.get(str(one.verifier or ""), ""))
            for one in sorted(found, key=lambda one: one.name.casefold())
            if words_of(search, one.name, one.source_platform, *one.workflows_to_start)
        ),
        total=len(found),
    )


async def show_new(request: Request) -> Response:
    signed_in(request)
    query = read_query(request)
    workflow = query.line("workflow")
    document: JSONObject = {"name": query.line("name"), "workflowsToStart": {}}
    if workflow:
        document |= {"name": f"{workflow}-webhook", "workflowsToStart": {workflow: None}}
    return await _show(request, None, draft_of(sections(is_new=True), document, query.text("tab")))


async def create(request: Request) -> Response:
    form = await read_form(request)
    draft = posted_draft(sections(is_new=True), form, {}, _whole)
    if (shown := without_saving(form, draft)) is not None:
        return await _show(request, None, shown)
    try:
        given = await _checked(request, draft)
        made = await webhooks.create(runtime(request), signed_in(request).member.caller, given)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, None, draft.refused(error))
    return redirect(request, f"{HOME}/{quoted(made.id or '')}?saved=1")


async def _checked(request: Request, draft: Draft) -> WebhookConfig:
    """What was written; refuses workflows that are not there, which deliveries would only skip."""
    given = draft.read(WebhookConfig)
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        known = set(await queries.workflow_names(connection))
    for path, names in (
        ("workflowsToStart", given.workflows_to_start.keys() - set(_IDEMPOTENCY)),
        ("receiverWorkflowNamesToVersions", given.receiver_workflow_names_to_versions.keys()),
    ):
        if missing := sorted(names - known):
            message = f"There is no workflow {missing[0]}."
            raise InvalidFields([Finding(path, message)], message)
    return given


async def show_webhook(request: Request) -> Response:
    query, known = read_query(request), await _known(request)
    if query.text("format") == "json":
        return download(shown_document(known), known.name)
    draft = draft_of(sections(is_new=False), shown_document(known), query.text("tab"))
    page = _page(request, known, draft)
    page = replace(
        page,
        is_sent=query.text("sent") == "1",
        edit=replace(page.edit, is_saved=query.text("saved") == "1"),
    )
    if query.text("tab") == DELIVERIES:
        page = with_deliveries(page)
    return await render(request, "webhooks/show.html", page)


async def change(request: Request) -> Response:
    """What the page of a webhook can do: save, try it out, delete."""
    form, known = await read_form(request), await _known(request)
    match form.text("verb"):
        case "send":
            return await _send(request, form, known)
        case "delete":
            if problem := confirmed(form, known.name):
                draft = draft_of(sections(is_new=False), shown_document(known))
                return await _show(request, known, draft, delete_problem=problem)
            caller = signed_in(request).member.caller
            await webhooks.remove(runtime(request), caller, known.id or "")
            return redirect(request, HOME)
        case _:
            return await _save(request, form, known)


async def _save(request: Request, form: Form, known: WebhookConfig) -> Response:
    draft = posted_draft(sections(is_new=False), form, shown_document(known), _whole)
    if (shown := without_saving(form, draft)) is not None:
        return await _show(request, known, shown)
    try:
        given = await _checked(request, draft)
        caller = signed_in(request).member.caller
        await webhooks.update(runtime(request), caller, known.id or "", given)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, known, draft.refused(error))
    return redirect(request, f"{HOME}/{quoted(known.id or '')}?saved=1")


async def _send(request: Request, form: Form, known: WebhookConfig) -> Response:
    text, caller = form.text("payload"), signed_in(request).member.caller
    try:
        payload = json_value(text)
        if payload is None:
            raise Invalid("A delivery is a JSON document, such as {}.")
        await webhooks.try_out(runtime(request), caller, known.id or "", payload)
    except (PlaygroundError, QuotaExceeded) as error:
        problem = problem_of(error)
        draft = draft_of(sections(is_new=False), shown_document(known))
        page = replace(_page(request, known, draft), payload=text, payload_problem=problem.message)
        return await render(request, "webhooks/show.html", page, problem.status)
    return redirect(request, f"{HOME}/{quoted(known.id or '')}?tab={DELIVERIES}&sent=1")


async def _known(request: Request) -> WebhookConfig:
    """The webhook without its secrets, with its latest deliveries."""
    caller = signed_in(request).member.caller
    webhook_id = path_text(request, "id")
    async with runtime(request).reading(caller.namespace) as connection:
        found = await stored.webhook(connection, webhook_id)
        if found is None:
            raise NotFound
        history = await event_messages.messages_of(connection, webhook_id, most=20)
    return webhooks.shown(found, history)


async def _show(
    request: Request, known: WebhookConfig | None, draft: Draft, **fields: Any
) -> Response:
    page = _page(request, known, draft)
    page = replace(page, edit=replace(page.edit, **fields))
    return await render(request, "webhooks/show.html", page, draft.status)


def _page(request: Request, known: WebhookConfig | None, draft: Draft) -> WebhookPage:
    return webhook_page(known, draft, site(request).public_url)


def webhook_page(known: WebhookConfig | None, draft: Draft, public_url: str) -> WebhookPage:
    here = f"{HOME}/{quoted(known.id or '')}" if known else NEW
    url = f"{public_url}/webhook/{known.id}" if known else ""
    return WebhookPage(
        edit=Editing(
            section="webhooks",
            home=HOME,
            home_label="Webhooks",
            thing="webhook",
            name=known.name if known else "",
            path=here,
            title=known.name if known else "New webhook",
            draft=draft,
            tabs=_tabs(here, draft.tab) if known else (),
            deleting="Whoever calls its address gets a 404 from now on.",
            save_word="Save" if known else "Create webhook",
        ),
        url=url,
        curl=curl_of(known, url) if known else "",
        is_verified=bool(known and known.url_verified),
        history=tuple(known.webhook_execution_history) if known else (),
    )


def with_deliveries(page: WebhookPage) -> WebhookPage:
    """The same page, showing what was delivered in place of its form."""
    tabs = _tabs(page.edit.path, "", is_deliveries=True)
    return replace(page, deliveries=page.history, edit=replace(page.edit, tabs=tabs))


def _tabs(here: str, tab: str, *, is_deliveries: bool = False) -> tuple[Link, ...]:
    more = Link(label="Deliveries", link=f"{here}?tab={DELIVERIES}", is_current=is_deliveries)
    return tabs_of(here, tab, more)


def curl_of(config: WebhookConfig, url: str) -> str:
    """How to call it by hand; the secrets are for the caller to put in."""
    start = f"curl -X POST '{url}' \\\n  -H 'Content-Type: application/json'"
    body = """ \\\n  -d '{"orderId": 4711}'"""
    if config.verifier is Verifier.HEADER_BASED:
        names = [name for name in config.headers if "'" not in name]
        return start + "".join(f" \\\n  -H '{name}: YOUR-VALUE'" for name in names) + body
    if config.verifier is Verifier.SIGNATURE_BASED:
        header = config.header_key if config.header_key not in (UNSET, "") else ""
        if "'" in (header or ""):
            return ""
        return (
            "BODY='{\"orderId\": 4711}'\n"
            'SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r '
            "| cut -c1-64)\n"
            f'{start} \\\n  -H "{header or "X-Hub-Signature-256"}: sha256=$SIGNATURE" \\\n'
            '  -d "$BODY"'
        )
    return ""


routes = [
    Route(HOME, list_webhooks),
    Route(NEW, show_new, methods=["GET"]),
    Route(NEW, create, methods=["POST"]),
    Route(HOME + "/{id}", show_webhook, methods=["GET"]),
    Route(HOME + "/{id}", change, methods=["POST"]),
]
