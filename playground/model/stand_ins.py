"""Stand-in workers as the API shows and takes them."""

from msgspec import UNSET, Struct, UnsetType


class StandIn(Struct, frozen=True, kw_only=True, rename="camel"):
    """The stand-in of one task type: whether it works, and whether it would if nobody asked."""

    task_type: str
    enabled: bool
    enabled_by_default: bool


class StandIns(Struct, frozen=True, kw_only=True, rename="camel"):
    """All stand-ins of a namespace; `enabled` is the switch over all of them."""

    enabled: bool
    stand_ins: list[StandIn]


class StandInSwitch(Struct, frozen=True, kw_only=True, rename="camel"):
    """On or off; which of the two must be said."""

    enabled: bool | UnsetType = UNSET
