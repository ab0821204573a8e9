"""Workers of the video sample: each looks at one thing of a recording and gives it a mark."""

from collections.abc import Mapping
from typing import Final

from playground.executors.stand_ins.contract import Compute, Output, Refused, StandInTask, text
from playground.standins.answers import drawn


def _look_at(what: str, unit: str, least: int, most: int) -> Compute:
    def look(task: StandInTask) -> Output:
        """A measure that follows from the recording's name, and a mark from 0 to 100."""
        measured = least + drawn(what + text(task, "trace"), most - least + 1)
        score = round(100 * (measured - least) / (most - least))
        return {"what": what, "measured": f"{measured} {unit}", "score": score}

    return look


def report(task: StandInTask) -> Output:
    """The mean of the marks, and the weakest of them."""
    found = [mark for mark in task.input.values() if isinstance(mark, dict) and "score" in mark]
    if not found:
        raise Refused("At least one mark is expected")
    weakest = min(found, key=lambda mark: float(mark["score"]))
    mean = sum(float(mark["score"]) for mark in found) / len(found)
    return {"score": round(mean, 1), "weakest": weakest.get("what")}


STAND_INS: Final[Mapping[str, Compute]] = {
    "video_inspect_bitrate": _look_at("bitrate", "kbit/s", 300, 8_000),
    "video_inspect_frames": _look_at("frames", "frames/s", 12, 60),
    "video_inspect_sound": _look_at("sound", "kHz", 8, 48),
    "video_inspect_light": _look_at("light", "nits", 50, 1_000),
    "video_report": report,
}
