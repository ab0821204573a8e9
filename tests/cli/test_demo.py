"""`playground demo` tells the guided story, and its exit status says whether it came true."""

import subprocess

import pytest

from playground.cli import demo
from sample_workflows import samples
from tests.support.playground import Playground

SAMPLE = samples()[0]


@pytest.mark.timeout(120)
def test_demo_tells_the_story(playground: Playground) -> None:
    done: subprocess.CompletedProcess[str] = playground.run("demo")

    assert "is COMPLETED" in done.stdout
    assert "get_population_data_ref     HTTP               COMPLETED" in done.stdout
    assert "California" in done.stdout
    assert "577,929" in done.stdout


@pytest.mark.parametrize(
    ("changes", "as_promised"),
    [
        ({}, True),
        ({"status": "FAILED"}, False),
        ({"output": {"maxPopulation": {"State": "Texas"}}}, False),
    ],
)
def test_only_the_promised_result_counts(changes: dict[str, object], as_promised: bool) -> None:
    execution = {"status": "COMPLETED", "output": SAMPLE.output} | changes

    assert demo.is_as_promised(SAMPLE, execution) is as_promised


def test_story_of_a_failure_says_why() -> None:
    execution = {
        "workflowId": "w",
        "status": "FAILED",
        "startTime": 1,
        "endTime": 3,
        "reasonForIncompletion": "the wire was cut",
        "tasks": [],
        "output": {},
    }

    told = demo.story(SAMPLE, execution)

    assert "is FAILED after 2 ms" in told
    assert "reason: the wire was cut" in told
    assert "not what the sample promises" in told
