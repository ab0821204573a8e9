"""What the run pages are made of: fields of a schema, programs, mocks, projects, queues."""

import ast
import io
import json
import shutil
import subprocess
import zipfile

import pytest
from msgspec import UNSET, convert

from playground.model.definitions import WorkflowDef
from playground.model.errors import Invalid
from playground.model.execution import Execution, PollData, Task
from playground.model.requests import IdempotencyStrategy
from playground.web.forms import Form
from playground.web.input_form import fields_of, filled_in, rest_of
from playground.web.run import InvalidDomains, domains, start_request
from playground.web.start_code import Start, StartCode, programs, with_first
from playground.web.trials import alone, can_run_alone, mocks_of, suggested_mocks
from playground.web.worker_project import LANGUAGES, Project, archive
from playground.web.workers import QueueFilters, passes, queue_lines, wanted_of, worker_lines
from tests.web.examples import HOSTILE, SCHEMED


def test_fields_are_those_of_the_schema() -> None:
    fields = fields_of(SCHEMED, {"size": "big", "express": True, "address": {"zip": "1"}})

    assert [(one.name, one.kind, one.value) for one in fields] == [
        ("size", "choice", "big"),
        ("express", "tick", "yes"),
        ("weight", "number", ""),
        ("pieces", "integer", "1"),
        ("note", "text", ""),
    ]
    assert rest_of({"size": "big", "address": {"zip": "1"}}, fields) == {"address": {"zip": "1"}}


def test_fields_are_read_as_their_types() -> None:
    form = Form([("input.size", "small"), ("input.weight", "2.5"), ("input.pieces", "4")])

    assert filled_in(form, fields_of(SCHEMED, {})) == {
        "size": "small",
        "express": False,
        "weight": 2.5,
        "pieces": 4,
    }


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(Invalid, match="pieces: many is not a number"):
        filled_in(Form([("input.pieces", "many")]), fields_of(SCHEMED, {}))


def test_the_form_becomes_a_start() -> None:
    form = Form(
        [
            ("name", "parcel"),
            ("input", '{"address": 1}'),
            ("input.size", "big"),
            ("idempotency_key", "k"),
            ("strategy", "RETURN_EXISTING"),
            ("domains", "a = europe\n* = asia"),
        ]
    )

    wanted = start_request(form, fields_of(SCHEMED, {}), max_bytes=1_000)

    assert wanted.input == {"address": 1, "size": "big", "express": False}
    assert wanted.idempotency_strategy == IdempotencyStrategy.RETURN_EXISTING
    assert wanted.task_to_domain == {"a": "europe", "*": "asia"}


def test_a_strategy_without_a_key_is_left_out() -> None:
    form = Form([("name", "parcel"), ("strategy", "RETURN_EXISTING")])

    assert start_request(form, max_bytes=10).idempotency_strategy is UNSET


@pytest.mark.parametrize("text", ["a", "= b", "a =", "{", '{"a": 1}'])
def test_wrong_domains_are_refused(text: str) -> None:
    with pytest.raises(InvalidDomains):
        domains(text)


def _programs(**changes: object) -> dict[str, StartCode]:
    start = {
        "server_url": "http://here/api",
        "key_id": "the-key",
        "name": HOSTILE,
        "version": 3,
        "input": {"text": HOSTILE, "none": None, "list": [True, 1.5, {"deep": "it's"}]},
        "correlation_id": 'a "b" $c',
    }
    return {one.label: one for one in programs(Start(**(start | changes)))}  # type: ignore[arg-type]


def test_there_is_a_program_for_each_language() -> None:
    assert list(_programs()) == [
        *("Python", "JavaScript", "Java", "Go", "C#", "Clojure", "curl", "CLI"),
    ]
    assert all("the-key" in one.text and "here/api" in one.text for one in _programs().values())


def test_the_language_of_the_reader_comes_first() -> None:
    start = Start(server_url="http://here/api", key_id="k", name="n", version=0, input={})

    assert with_first("go", start)[0].label == "Go"
    assert [one.label for one in with_first("cobol", start)] == list(_programs())


def test_clojure_asks_the_namespace_that_its_client_has() -> None:
    assert "io.orkes.workflow-resource" in _programs()["Clojure"].text


def test_python_of_hostile_names_is_python() -> None:
    tree = ast.parse(_programs()["Python"].text)

    assert HOSTILE in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


@pytest.mark.parametrize("language", ["curl", "CLI"])
def test_shell_of_hostile_names_is_one_command(language: str) -> None:
    text = _programs()[language].text

    subprocess.run(["sh", "-n"], input=text.encode(), check=True)


def test_the_body_of_curl_is_what_was_meant() -> None:
    text = _programs(input={"a": "it's"})["curl"].text.replace("curl ", "printf '%s\\n' ")

    told = subprocess.run(["sh", "-c", text], capture_output=True, check=True)
    body = json.loads(told.stdout.decode().splitlines()[-1])

    assert body["input"] == {"a": "it's"}
    assert (body["name"], body["version"]) == (HOSTILE, 3)


def test_mocks_begin_with_what_the_newest_run_had() -> None:
    definition = convert(
        {
            "name": "w",
            "tasks": [
                {"name": "a", "taskReferenceName": "a_ref", "type": "SIMPLE"},
                {"name": "b", "taskReferenceName": "b_ref", "type": "HTTP"},
                {"name": "c", "taskReferenceName": "c_ref", "type": "JSON_JQ_TRANSFORM"},
            ],
        },
        WorkflowDef,
    )
    earlier = Execution(tasks=[Task(reference_task_name="a_ref", output_data={"x": 1})])

    assert suggested_mocks(definition, earlier) == {
        "a_ref": [{"status": "COMPLETED", "output": {"x": 1}}],
        "b_ref": [{"status": "COMPLETED", "output": {}}],
    }


def test_a_mock_alone_needs_no_list() -> None:
    found = mocks_of('{"a_ref": {"status": "FAILED", "output": {"x": 1}}}', 1_000)

    assert [one.status for one in found["a_ref"]] == ["FAILED"]


@pytest.mark.parametrize("text", ["[]", '{"a": 1}', '{"a": [{"status": "LOST"}]}'])
def test_wrong_mocks_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        mocks_of(text, 1_000)


def test_a_task_alone_is_a_workflow_of_it() -> None:
    task = SCHEMED_TASK.tasks[0]

    only = alone(SCHEMED_TASK, task, {"uri": "http://there"})

    assert [one.task_reference_name for one in only.tasks] == ["call_ref"]
    assert only.tasks[0].input_parameters == {"uri": "http://there"}
    assert only.output_parameters == {"result": "${call_ref.output}"}
    assert [can_run_alone(one) for one in SCHEMED_TASK.tasks] == [True, False, True]


SCHEMED_TASK = convert(
    {
        "name": "w",
        "tasks": [
            {"name": "call", "taskReferenceName": "call_ref", "type": "HTTP"},
            {"name": "join", "taskReferenceName": "join_ref", "type": "JOIN"},
            {"name": "jq", "taskReferenceName": "jq_ref", "type": "JSON_JQ_TRANSFORM"},
        ],
    },
    WorkflowDef,
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_project_of_hostile_names_is_whole(language: str) -> None:
    project = Project(task_type=HOSTILE, server_url="http://here/api", key_id="it's")

    zipped = zipfile.ZipFile(io.BytesIO(archive(project, language)))
    files = {name.rpartition("/")[2]: zipped.read(name).decode() for name in zipped.namelist()}

    assert {"README.md", ".env", "run.sh"} <= files.keys()
    for name in (".env", "run.sh"):
        subprocess.run(["sh", "-n"], input=files[name].encode(), check=True)
    if language == "python":
        assert ast.parse(files["worker.py"])
    elif shutil.which("node"):
        command = ["node", "--check", "--input-type=module", "-"]
        subprocess.run(command, input=files["worker.mjs"].encode(), check=True)


@pytest.mark.parametrize(
    "name", ['"""\nraise SystemExit(7)\n"""', "\u2028process.exit(7)//", "`${1}`"]
)
def test_a_name_never_becomes_a_part_of_the_program(name: str) -> None:
    project = Project(task_type=name, server_url="http://here/api", key_id="k")
    plain = Project(task_type="plain", server_url="http://here/api", key_id="k")

    def program(of: Project, language: str, file: str) -> str:
        zipped = zipfile.ZipFile(io.BytesIO(archive(of, language)))
        return next(zipped.read(one).decode() for one in zipped.namelist() if one.endswith(file))

    python, javascript = (
        program(project, "python", "worker.py"),
        program(project, "javascript", "worker.mjs"),
    )

    assert python == program(plain, "python", "worker.py").replace("'plain'", repr(name))
    assert javascript == program(plain, "javascript", "worker.mjs").replace(
        '"plain"', json.dumps(name)
    )


def test_who_polled_lately_is_here() -> None:
    polls = [
        PollData(queue_name="a", worker_id="one", last_poll_time=100_000),
        PollData(queue_name="b", domain="europe", worker_id="two", last_poll_time=50_000),
    ]

    lines = worker_lines(polls, now_ms=101_000)

    assert [(line.task_type, line.is_here) for line in lines] == [("a", True), ("b", False)]
    assert [one.task_type for one in wanted_of({"a": ("w",), "b": ("w",)}, lines, {})] == ["b"]


def test_queues_are_filtered_by_their_conditions() -> None:
    polls = [PollData(queue_name="a", domain="europe", worker_id="x", last_poll_time=60_000)]
    queues = queue_lines({"b": 7}, {"b": 1}, worker_lines(polls, 60_000))

    def kept(**filters: str) -> list[str]:
        return [line.name for line in queues if passes(line, QueueFilters(**filters), 120_000)]

    assert kept() == ["b", "europe:a"]
    assert kept(size="6") == ["b"]
    assert kept(minutes="2") == ["europe:a"]
    assert kept(pollers_sign="<", pollers="1") == ["b"]
    assert kept(name="EUR") == ["europe:a"]
