"""Samples are whole, valid and say the truth about what they end with."""

import json
from pathlib import Path

import msgspec
import pytest

import sample_workflows
from playground.decider import task_def_findings, workflow_findings
from playground.executors.stand_ins import STAND_INS
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.task_types import Runner, runner_of
from playground.standins.population import LAST_YEAR, states
from sample_workflows import LESSONS, Sample, sample, samples, stand_ins

every_sample = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)


def test_every_directory_is_loaded() -> None:
    root = Path(sample_workflows.__file__).parent
    directories = {path.parent.name for path in root.glob("*/workflow.json")}

    assert directories == {one.name for one in samples()}


def test_first_sample_is_the_guided_one() -> None:
    assert samples()[0].name == "PopulationMaxMin"


def test_sample_is_found_by_name() -> None:
    assert sample("PopulationMaxMin") is samples()[0]
    assert sample("nobody") is None


@every_sample
def test_definitions_are_valid(sample: Sample) -> None:
    task_defs = msgspec.convert(sample.task_definitions, list[TaskDef])

    assert [found for one in definitions_of(sample) for found in workflow_findings(one)] == []
    assert [finding for one in task_defs for finding in task_def_findings(one)] == []


def definitions_of(sample: Sample) -> list[WorkflowDef]:
    return msgspec.convert(sample.definitions, list[WorkflowDef])


@every_sample
def test_introduction_is_friendly(sample: Sample) -> None:
    assert 10 < len(sample.title) < 60
    assert 40 < len(sample.description) < 300
    assert "## What to look at" in sample.readme
    assert "## Try this" in sample.readme


@every_sample
def test_every_definition_says_what_it_is_for(sample: Sample) -> None:
    assert all(one.description for one in definitions_of(sample))


@every_sample
def test_sample_has_its_place_in_the_path(sample: Sample) -> None:
    assert sample.lesson in [lesson.name for lesson in LESSONS]
    assert sample.level in ("beginner", "intermediate", "advanced")
    assert "sample" in sample.tags


def test_lessons_follow_each_other() -> None:
    lessons = [lesson.name for lesson in LESSONS]
    places = [lessons.index(one.lesson) for one in samples()]

    assert places == sorted(places)


@every_sample
def test_workers_that_are_needed_are_named(sample: Sample) -> None:
    worked_on = {
        task.name
        for definition in definitions_of(sample)
        for task in definition.all_tasks()
        if runner_of(task.type) is Runner.WORKER and task.type != "DYNAMIC"
    }

    # A dynamic task or fork names its tasks only when it runs.
    assert worked_on <= {*sample.needs_worker, *sample.stand_ins}


@every_sample
def test_worker_tasks_have_a_definition(sample: Sample) -> None:
    defined = {one["name"] for other in samples() for one in other.task_definitions}

    assert {*sample.needs_worker, *sample.stand_ins} <= defined


def test_every_stand_in_has_work_and_every_work_a_stand_in() -> None:
    assert set(stand_ins()) == set(STAND_INS)


def test_only_the_first_workers_sample_waits_for_yours() -> None:
    assert [name for name, on in stand_ins().items() if not on] == ["simplest_task"]


def test_samples_that_share_a_task_say_the_same_of_it() -> None:
    said: dict[str, object] = {}

    for one in samples():
        for task in one.task_definitions:
            assert said.setdefault(task["name"], task) == task, task["name"]


@every_sample
def test_answers_of_people_are_told_in_the_readme(sample: Sample) -> None:
    assert ("## Your part" in sample.readme) == bool(sample.steps)
    for step in sample.steps:
        assert all(json.dumps(key) in sample.readme for key in step.output)


@every_sample
def test_no_definition_names_a_host(sample: Sample) -> None:
    written = json.dumps([sample.definitions, sample.input])

    assert "http://" not in written
    assert "https://" not in written


def test_every_kind_of_task_is_shown() -> None:
    shown = {
        task.type
        for one in samples()
        for definition in definitions_of(one)
        for task in definition.all_tasks()
    }

    assert set(OPERATORS) <= shown


OPERATORS = [
    "SIMPLE",
    "DYNAMIC",
    "HTTP",
    "HTTP_POLL",
    "INLINE",
    "LAMBDA",
    "JSON_JQ_TRANSFORM",
    "EVENT",
    "SWITCH",
    "DECISION",
    "FORK_JOIN",
    "FORK_JOIN_DYNAMIC",
    "JOIN",
    "EXCLUSIVE_JOIN",
    "DO_WHILE",
    "SUB_WORKFLOW",
    "START_WORKFLOW",
    "TERMINATE",
    "SET_VARIABLE",
    "NOOP",
    "WAIT",
    "HUMAN",
]


def test_input_is_filled_in_for_a_playground() -> None:
    picture = sample("image_convert_resize")
    assert picture is not None

    given = picture.input_at("http://here/samples")

    assert given["fileLocation"] == "http://here/samples/img/sample.jpg"


def test_population_output_is_what_the_data_says() -> None:
    population = {name: people for _, name, people in states(LAST_YEAR)}
    output = samples()[0].output

    assert output["maxPopulation"]["State"] == max(population, key=population.__getitem__)
    assert output["maxPopulation"]["Population"] == max(population.values())
    assert output["minPopulation"]["State"] == min(population, key=population.__getitem__)
    assert output["minPopulation"]["Population"] == min(population.values())
