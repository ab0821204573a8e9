"""The learning path: lessons, and the samples in the order in which a newcomer should meet them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Lesson:
    """A lesson; `about` says in one sentence what it teaches."""

    name: str
    about: str


LESSONS: Final = (
    Lesson("Look", "Nothing to install: run one, watch it light up, open its tasks."),
    Lesson("Work", "Tasks that a worker carries out, first ours and then your own."),
    Lesson("Scale", "Many things at once, loops, and workflows made of workflows."),
    Lesson("Run a business", "Decisions, people, timers, failures and how they are undone."),
)

ORDER: Final = (
    "PopulationMaxMin",
    "hello_workflow",
    "first_sample_workflow",
    "jq_playground",
    "order_totals",
    "simple_wf",
    "hello_world_worker",
    "shipping_switch",
    "image_convert_resize",
    "check_address",
    "image_convert_resize_multipleformat",
    "image_multiple_convert_resize",
    "image_convert_resize_multipleformat_subworkflow",
    "poll_until_done",
    "start_child_and_wait",
    "wide_fork",
    "retry_and_timeouts",
    "loan_banking",
    "order_flow",
    "wait_and_timers",
    "document_approval",
    "shopping_cart",
    "saga_order_fulfillment",
    "version_drift",
    "nightly_report",
    "event_start_and_finish",
    "video_optimizer",
    "subscription_billing",
    "ci_cd_pipeline",
    "food_delivery",
    "kitchensink",
)
