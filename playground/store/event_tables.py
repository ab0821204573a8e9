"""Tables of event handlers, messages, webhooks and workflow messages; see `store.tables`.

A message that still has to be delivered has a row in `effects` beside it, which executors claim.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    desc,
    text,
)

from tenants.tables import metadata

_NONE: Final = text("''")

event_handlers = Table(
    "event_handlers",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("event", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False, server_default=_NONE),
    Column("updated_by", Text, nullable=False, server_default=_NONE),
    Index("ix_event_handlers_by_event", "namespace", "event"),
)

# What was published or came in, once per id: an EVENT task's id, or one that follows from the
# delivery id of a webhook's platform.
event_messages = Table(
    "event_messages",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    # WEBHOOK or MESSAGE, and the webhook's id or the event's name.
    Column("type", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("payload", Text, nullable=False),
    # How many starts by events lie between this message and a start by a person.
    Column("depth", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=_NONE),
    # Deliveries that failed for a reason that may pass.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_event_messages_newest", "namespace", desc("created_at")),
    Index("ix_event_messages_of_target", "namespace", "target", desc("created_at")),
)

# One per action and message: the key is what keeps an action from running twice.
event_executions = Table(
    "event_executions",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("handler", Text, primary_key=True),
    # <message id>_<index of the action>.
    Column("id", Text, primary_key=True),
    Column("event", Text, nullable=False),
    Column("action", Text, nullable=False, server_default=_NONE),
    Column("status", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_event_executions_of_handler", "namespace", "handler", desc("created_at")),
)

# Incoming webhooks. `id` is what the URL ends in: 256 random bits.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("body", Text, nullable=False),
    # The secret and the values of the expected headers, encrypted.
    Column("sealed", Text, nullable=False),
    Column("url_verified", Boolean, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False, server_default=_NONE),
    Index("ix_webhooks_namespace", "namespace"),
)

# What was sent to an execution and no PULL_WORKFLOW_MESSAGES task has taken yet.
workflow_messages = Table(
    "workflow_messages",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Index("ix_workflow_messages_of_execution", "execution_id", "position"),
    Index("ix_workflow_messages_age", "namespace", "received_at"),
)

EVENT_TABLES: Final = (
    event_handlers,
    event_messages,
    event_executions,
    webhooks,
    workflow_messages,
)

_ALL: Final = "select, insert, update, delete"
_OWN: Final = {"tenant": _ALL, "committer": _ALL}

EVENT_GRANTS: Final[dict[str, dict[str, str]]] = {
    "event_handlers": _OWN,
    "event_messages": {
        **_OWN,
        "operator": "select (namespace, id, type, status, attempts, created_at)",
    },
    "event_executions": {
        **_OWN,
        "operator": "select (namespace, status, created_at)",
    },
    # A delivery names nothing but the webhook: whose it is must be found first.
    "webhooks": {**_OWN, "claims": "select (id, namespace)"},
    "workflow_messages": _OWN,
}
