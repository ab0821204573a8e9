"""Incoming webhooks: who may deliver, and what a delivery does. Conductor's WebhookConfig."""

from enum import StrEnum
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from playground.model.definitions import Count, Name, Tag


class Verifier(StrEnum):
    """How a delivery proves where it comes from."""

    HEADER_BASED = "HEADER_BASED"
    SIGNATURE_BASED = "SIGNATURE_BASED"
    HMAC_BASED = "HMAC_BASED"
    SLACK_BASED = "SLACK_BASED"
    STRIPE = "STRIPE"
    TWITTER = "TWITTER"
    SENDGRID = "SENDGRID"


class WebhookExecution(Struct, frozen=True, kw_only=True, rename="camel"):
    """One delivery; `time_stamp` in epoch milliseconds."""

    event_id: str
    matched: bool
    payload: str
    time_stamp: int
    workflow_ids: list[str] = []


class WebhookConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    """`workflows_to_start` maps names to versions, and may hold `idempotencyKey` and
    `idempotencyStrategy` beside them. Secrets read as `***`."""

    id: str | UnsetType = UNSET
    name: Name = ""
    receiver_workflow_names_to_versions: dict[str, Count | None] = {}
    workflows_to_start: dict[str, Any] = {}
    source_platform: str | UnsetType = UNSET
    verifier: Verifier | UnsetType = UNSET
    headers: dict[str, str] = {}
    header_key: str | UnsetType = UNSET
    secret_key: str | UnsetType = UNSET
    secret_value: str | UnsetType = UNSET
    expression: str | UnsetType = UNSET
    evaluator_type: str | UnsetType = UNSET
    url_verified: bool = False
    created_by: str | UnsetType = UNSET
    tags: list[Tag] | UnsetType = UNSET
    webhook_execution_history: list[WebhookExecution] = []
