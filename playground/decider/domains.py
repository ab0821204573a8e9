"""Which worker queue a task goes to: `taskToDomain` of the execution. Worker tasks only."""

from msgspec import UNSET, UnsetType

from playground.decider.draft import Draft

_NO_DOMAIN = "NO_DOMAIN"


def domain_of(draft: Draft, task_type: str) -> str | UnsetType:
    """The first listed domain with a recent poll of this type, else the last one of the list.

    `*` is for every worker task and an entry of the task's own name overrides it; a domain
    named NO_DOMAIN, in any case, stands for none.
    """
    mapping = draft.execution.task_to_domain
    listed = mapping.get(task_type) or mapping.get("*")
    if not listed:
        return UNSET
    domains = [domain.strip() for domain in listed.split(",")]
    named = [domain for domain in domains if domain and domain.upper() != _NO_DOMAIN]
    for domain in named:
        if (task_type, domain) in draft.around.active_domains:
            return domain
    last = domains[-1]
    return UNSET if not last or last.upper() == _NO_DOMAIN else last
