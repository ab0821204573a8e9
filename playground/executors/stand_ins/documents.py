"""Workers of the approval sample: a draft that answers the reviewers' remarks, and the print."""

from collections.abc import Mapping
from typing import Final

from playground.executors.stand_ins.contract import (
    Compute,
    Output,
    StandInTask,
    count,
    items,
    text,
)


def draft(task: StandInTask) -> Output:
    """The next draft: one line for each remark of the round before."""
    document, number = text(task, "documentId"), count(task, "round", 1)
    remarks = [str(remark)[:200] for remark in items(task, "remarks") if remark]
    return {
        "draft": f"{document}-draft-{number}",
        "changes": [f"Done: {remark}" for remark in remarks],
    }


def publish(task: StandInTask) -> Output:
    return {"published": f"{text(task, 'draft')}.final"}


STAND_INS: Final[Mapping[str, Compute]] = {"document_draft": draft, "document_publish": publish}
