"""Samples are whole, valid and say the truth about what they end with."""

from pathlib import Path

import msgspec
import pytest

import sample_workflows
from playground.decider import task_def_findings, workflow_findings
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.task_types import Runner, runner_of
from playground.standins.population import LAST_YEAR, states
from sample_workflows import Sample, sample, samples

every_sample = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)


def test_every_directory_is_loaded() -> None:
    root = Path(sample_workflows.__file__).parent
    directories = {path.parent.name for path in root.glob("*/workflow.json")}

    assert directories == {one.name for one in samples()}


def test_first_sample_is_the_guided_one() -> None:
    assert samples()[0].name == "PopulationMaxMin"


def test_sample_is_found_by_name() -> None:
    assert sample("simple_wf") is samples()[1]
    assert sample("nobody") is None


@every_sample
def test_definitions_are_valid(sample: Sample) -> None:
    definition = msgspec.convert(sample.workflow, WorkflowDef)
    task_defs = msgspec.convert(sample.task_definitions, list[TaskDef])

    assert workflow_findings(definition) == []
    assert [finding for one in task_defs for finding in task_def_findings(one)] == []


@every_sample
def test_introduction_is_friendly(sample: Sample) -> None:
    assert 10 < len(sample.title) < 60
    assert 40 < len(sample.description) < 300
    assert "sample" in sample.tags


@every_sample
def test_workers_that_are_needed_are_named(sample: Sample) -> None:
    definition = msgspec.convert(sample.workflow, WorkflowDef)
    worked_on = {
        task.name for task in definition.all_tasks() if runner_of(task.type) is Runner.WORKER
    }

    assert set(sample.needs_worker) == worked_on


@every_sample
def test_no_definition_names_a_host(sample: Sample) -> None:
    assert "http://" not in str(sample.workflow)
    assert "https://" not in str(sample.workflow)


def test_population_output_is_what_the_data_says() -> None:
    population = {name: people for _, name, people in states(LAST_YEAR)}
    output = samples()[0].output

    assert output["maxPopulation"]["State"] == max(population, key=population.__getitem__)
    assert output["maxPopulation"]["Population"] == max(population.values())
    assert output["minPopulation"]["State"] == min(population, key=population.__getitem__)
    assert output["minPopulation"]["Population"] == min(population.values())
