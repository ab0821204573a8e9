"""What one has done with a sample once it counts as understood; the playground ticks it itself."""

from dataclasses import dataclass
from functools import cache

from sample_workflows import samples


@dataclass(frozen=True)
class Goal:
    """Reached by a run of `sample` that ended with `status`, or that completed `task`.

    One of the two is "". `says` goes on after "Goal:".
    """

    sample: str
    says: str
    status: str
    task: str = ""


_OF_ITS_OWN = {
    "shipping_switch": ("make the switch take `ups`", "ship_via_ups_ref"),
    "check_address": ("send a parcel that is too large", "terminate_too_large_ref"),
    "loan_banking": (
        "make the first switch take `education`",
        "education_details_verification_ref",
    ),
    "order_flow": ("ship an order with another carrier than FedEx", "ship_via_ups_ref"),
    "document_approval": (
        "let a reviewer ask for changes, so that a second round begins",
        "remember_remarks_ref",
    ),
    "shopping_cart": ("put something in before you check out", "remember_items_ref"),
    "ci_cd_pipeline": ("refuse the release once", "terminate_not_approved_ref"),
    "food_delivery": ("make the restaurant so slow that it is called off", "give_money_back_ref"),
}


@cache
def goals() -> tuple[Goal, ...]:
    """One for each sample, in the order of the lessons."""
    found = []
    for one in samples():
        says, task = _OF_ITS_OWN.get(one.name, (_run_of(one.ends), ""))
        found.append(Goal(sample=one.name, says=says, status="" if task else one.ends, task=task))
    return tuple(found)


def _run_of(ends: str) -> str:
    return "run it to its end" if ends == "COMPLETED" else "run it and see it fail as it should"
