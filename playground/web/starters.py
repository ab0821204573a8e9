"""What a new workflow can begin with: a few small definitions of our own, and the samples."""

from dataclasses import dataclass
from typing import Any

from msgspec import convert
from msgspec.structs import replace

from playground.model.definitions import WorkflowDef
from sample_workflows import Sample, samples


@dataclass(frozen=True, slots=True)
class Starter:
    key: str
    title: str
    about: str
    definition: WorkflowDef


def _starter(key: str, title: str, about: str, name: str, **fields: Any) -> Starter:
    document = {"name": name, "version": 1, "schemaVersion": 2, **fields}
    return Starter(key, title, about, convert(document, WorkflowDef))


def _task(type: str, ref: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref.removesuffix("_ref"), "taskReferenceName": ref, "type": type, **fields}


STARTERS: tuple[Starter, ...] = (
    _starter(
        "empty",
        "Empty",
        "Only a start and an end: add tasks with the + between them.",
        "my_workflow",
        tasks=[],
    ),
    _starter(
        "http",
        "Call an API",
        "Asks an address, then reshapes the answer with jq.",
        "call_an_api",
        tasks=[
            _task(
                "HTTP",
                "get_data_ref",
                inputParameters={
                    "http_request": {"uri": "${workflow.env.SAMPLES_URL}/random", "method": "GET"}
                },
            ),
            _task(
                "JSON_JQ_TRANSFORM",
                "shape_ref",
                inputParameters={
                    "body": "${get_data_ref.output.response.body}",
                    "queryExpression": "{number: .body.randomInt}",
                },
            ),
        ],
        outputParameters={"number": "${shape_ref.output.result.number}"},
    ),
    _starter(
        "worker",
        "Work of your own",
        "Hands a task to your worker and gives back what it answers.",
        "my_first_worker",
        inputParameters=["name"],
        tasks=[
            _task("SIMPLE", "greet_ref", inputParameters={"name": "${workflow.input.name}"}),
        ],
        outputParameters={"greeting": "${greet_ref.output.greeting}"},
    ),
    _starter(
        "parallel",
        "Side by side",
        "Runs two branches at the same time and joins their results.",
        "side_by_side",
        tasks=[
            _task(
                "FORK_JOIN",
                "fork_ref",
                forkTasks=[
                    [
                        _task(
                            "INLINE",
                            "double_ref",
                            inputParameters={
                                "evaluatorType": "javascript",
                                "expression": "$.n * 2",
                                "n": "${workflow.input.n}",
                            },
                        )
                    ],
                    [
                        _task(
                            "INLINE",
                            "square_ref",
                            inputParameters={
                                "evaluatorType": "javascript",
                                "expression": "$.n * $.n",
                                "n": "${workflow.input.n}",
                            },
                        )
                    ],
                ],
            ),
            _task("JOIN", "join_ref", joinOn=["double_ref", "square_ref"]),
        ],
        inputParameters=["n"],
        inputTemplate={"n": 7},
        outputParameters={
            "double": "${double_ref.output.result}",
            "square": "${square_ref.output.result}",
        },
    ),
    _starter(
        "switch",
        "One of several ways",
        "Looks at the input and goes one way or the other.",
        "one_of_several_ways",
        inputParameters=["kind"],
        tasks=[
            _task(
                "SWITCH",
                "which_ref",
                inputParameters={"kind": "${workflow.input.kind}"},
                evaluatorType="value-param",
                expression="kind",
                decisionCases={
                    "parcel": [_task("NOOP", "parcel_ref")],
                    "letter": [_task("NOOP", "letter_ref")],
                },
                defaultCase=[
                    _task(
                        "TERMINATE",
                        "unknown_ref",
                        inputParameters={
                            "terminationStatus": "FAILED",
                            "terminationReason": "Neither a parcel nor a letter",
                        },
                    )
                ],
            )
        ],
    ),
    _starter(
        "approval",
        "Ask a person",
        "Waits for somebody's answer, then goes on.",
        "ask_a_person",
        tasks=[
            _task(
                "HUMAN",
                "approve_ref",
                inputParameters={"__humanTaskDefinition": {"displayName": "Shall we go on?"}},
            ),
            _task("NOOP", "go_on_ref"),
        ],
        outputParameters={"answer": "${approve_ref.output}"},
    ),
)


def named(key: str) -> WorkflowDef | None:
    """The definition under a key of a starter, or `sample:<name>`; None for any other."""
    kind, _, name = key.partition(":")
    if kind == "sample":
        found = next((one for one in samples() if one.name == name), None)
        return replace(sample_def(found), name=f"my_{name}", version=1) if found else None
    return next((one.definition for one in STARTERS if one.key == key), None)


def sample_choice() -> tuple[Sample, ...]:
    """The samples, each once, in the order of the lessons."""
    return tuple(samples())


def sample_def(sample: Sample) -> WorkflowDef:
    """A sample's definition as one of the person's own: what marks it as a sample is left out."""
    return replace(convert(sample.workflow, WorkflowDef), metadata={})
