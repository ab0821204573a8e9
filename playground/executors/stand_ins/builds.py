"""Workers of the pipeline sample: build, test, deploy. What fails, fails by the commit's name."""

from collections.abc import Mapping
from typing import Final

from playground.executors.stand_ins.contract import Compute, Output, Refused, StandInTask, text
from playground.standins.answers import drawn


def build(task: StandInTask) -> Output:
    commit = text(task, "commit")
    if commit.startswith("broken"):
        raise Refused(f"Commit {commit} does not compile", terminal=True)
    return {"artifact": f"shop-{commit[:12]}.tar.gz", "seconds": 20 + drawn(commit, 40)}


def unit_tests(task: StandInTask) -> Output:
    return {"passed": 400 + drawn("unit" + text(task, "artifact"), 100), "failed": 0}


def browser_tests(task: StandInTask) -> Output:
    """The browser tests of a commit with an even number of letters are flaky today: they fail."""
    artifact = text(task, "artifact")
    if len(artifact) % 2 == 0:
        raise Refused("The browser did not start in time")
    return {"passed": 30, "failed": 0}


def deploy(task: StandInTask) -> Output:
    artifact = text(task, "artifact")
    return {"deployed": True, "url": f"https://shop.example/releases/{artifact}"}


STAND_INS: Final[Mapping[str, Compute]] = {
    "ci_build": build,
    "ci_unit_tests": unit_tests,
    "ci_browser_tests": browser_tests,
    "ci_deploy": deploy,
}
