"""Tags, and what can have some. The names of the types are Orkes'."""

from enum import StrEnum


class ResourceType(StrEnum):
    WORKFLOW_DEF = "WORKFLOW_DEF"
    TASK_DEF = "TASK_DEF"
    WORKFLOW_SCHEDULE = "WORKFLOW_SCHEDULE"
    EVENT_HANDLER = "EVENT_HANDLER"
    WEBHOOK = "WEBHOOK"
    SECRET_NAME = "SECRET_NAME"  # noqa: S105 - the name of a kind of thing
    ENV_VARIABLE = "ENV_VARIABLE"
    APPLICATION = "APPLICATION"
    USER_FORM_TEMPLATE = "USER_FORM_TEMPLATE"


TAG_TYPES = ("METADATA", "RATE_LIMIT")
"""What `type` of a tag may be: clients raise on reading any other."""
