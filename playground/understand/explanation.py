"""A workflow definition in plain sentences, made from its JSON alone.

One sentence for each task, linked by its reference name; what a task holds (branches, cases, the
body of a loop) is told inside it. The same text is the diagram's alternative for those who do not
see it. Nothing is guessed: what only a run decides is called so.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.understand.words import code, codes, counted, sentence, span

_DEEPEST = 40
_MOST_NAMES = 4
_SHORT_SCRIPT = 70
_OF_SCRIPTS = frozenset({"expression", "scriptExpression", "evaluatorType"})


class Sentence(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one task does; `text` has code between backticks."""

    text: str
    task_reference_name: str | UnsetType = UNSET
    inside: "list[Passage]" = []


class Passage(Struct, frozen=True, kw_only=True, rename="camel"):
    """The sentences of one branch, case or loop body, and what it is called."""

    label: str
    sentences: list[Sentence] = []


class Explanation(Struct, frozen=True, kw_only=True, rename="camel"):
    """`brief` is the whole in one sentence, `text` everything without markup."""

    name: str
    version: int
    brief: str
    opening: list[str]
    sentences: list[Sentence]
    closing: list[str]
    text: str


def explain(definition: WorkflowDef) -> Explanation:
    """What `definition` does, in order."""
    opening, closing = _opening(definition), _closing(definition)
    sentences = _sentences(definition.tasks, 0)
    return Explanation(
        name=definition.name,
        version=definition.version,
        brief=_brief(definition),
        opening=opening,
        sentences=sentences,
        closing=closing,
        text=_plain([*opening, *_lines(sentences, 0), *closing]),
    )


def refs_of(explanation: Explanation) -> Iterator[str]:
    """The references that the sentences are linked to, in order."""
    waiting = list(reversed(explanation.sentences))
    while waiting:
        one = waiting.pop()
        if one.task_reference_name is not UNSET:
            yield one.task_reference_name
        nested = [each for passage in one.inside for each in passage.sentences]
        waiting.extend(reversed(nested))


# The frame


def _opening(definition: WorkflowDef) -> list[str]:
    takes = codes(definition.input_parameters, 8)
    said = [f"It takes {takes}."] if takes else []
    limit = definition.rate_limit_config
    if limit and limit.concurrent_exec_limit > 0:
        said.append(
            f"At most {counted(limit.concurrent_exec_limit, 'run')} with the same "
            f"{code(limit.rate_limit_key)} may go on at once."
        )
    return said


def _closing(definition: WorkflowDef) -> list[str]:
    said = [f"{_returns(definition)}."]
    if definition.failure_workflow:
        said.append(f"Should it fail, {code(definition.failure_workflow)} is started.")
    if definition.timeout_policy == "TIME_OUT_WF" and definition.timeout_seconds > 0:
        said.append(f"It has {span(definition.timeout_seconds * 1000)} in all; then it times out.")
    return said


def _returns(definition: WorkflowDef) -> str:
    names = codes(definition.output_parameters, 8)
    return f"It returns {names}" if names else "It returns the output of its last task"


def _brief(definition: WorkflowDef) -> str:
    """`First calls …; then runs 2 branches in parallel; …; returns …` for the top level."""
    if not definition.tasks:
        return "It has no tasks yet."
    steps = [_first_words(task) for task in definition.tasks]
    if len(steps) > 1:
        steps = [f"first {steps[0]}", f"then {steps[1]}", *steps[2:]]
    shown = steps[:6]
    if len(steps) > len(shown):
        shown.append(f"and {counted(len(steps) - len(shown), 'more step')}")
    names = codes(definition.output_parameters)
    end = [f"returns {names}"] if names else []
    return f"{sentence('; '.join([*shown, *end]))}."


def _first_words(task: WorkflowTask) -> str:
    if task.type == "HTTP":
        request = task.input_parameters.get("http_request", task.input_parameters)
        if isinstance(request, dict) and "uri" in request:
            address = str(request["uri"]).partition("?")[0]
            method = request.get("method") or "GET"
            return f"calls {code(f'{method} {address}', 60)}"
    return _says(task)[0].rstrip(".:")


# Tasks


def _sentences(tasks: Sequence[WorkflowTask], depth: int) -> list[Sentence]:
    return [_sentence(task, depth) for task in tasks]


def _sentence(task: WorkflowTask, depth: int) -> Sentence:
    text, passages = _says(task)
    inside = [] if depth >= _DEEPEST else [_passage(*each, depth + 1) for each in passages]
    return Sentence(
        text=sentence(text, *_asides(task)),
        task_reference_name=task.task_reference_name,
        inside=inside,
    )


def _passage(label: str, tasks: Sequence[WorkflowTask], depth: int) -> Passage:
    return Passage(label=label, sentences=_sentences(tasks, depth))


Said = tuple[str, list[tuple[str, list[WorkflowTask]]]]
"""A sentence, and the labelled lists of tasks it holds."""


def _says(task: WorkflowTask) -> Said:
    block = _BLOCKS.get(task.type)
    if block is not None:
        return block(task)
    return f"{_WORDS.get(task.type, _worker)(task)}.", []


def _asides(task: WorkflowTask) -> Iterator[str]:
    if task.start_delay > 0:
        yield f"It begins {span(task.start_delay * 1000)} later."
    if task.async_complete:
        yield "It is done when somebody says so."
    if task.retry_count is not UNSET and task.retry_count > 0:
        yield f"It may be tried {counted(task.retry_count, 'more time')}."
    if task.optional:
        yield "Should it fail, the workflow goes on all the same."
    elif task.permissive:
        yield "Should it fail, what was begun is finished first."
    if task.cache_config:
        yield "An output that is known already is used again."
    if task.description:
        yield f"{sentence(code(task.description, 300)[1:-1].rstrip('.'))}."


def _given(task: WorkflowTask, *hidden: str) -> str:
    """` with …`: the names of its inputs."""
    names = [name for name in task.input_parameters if name not in hidden]
    return f" with {codes(names, _MOST_NAMES)}" if names else ""


def _worker(task: WorkflowTask) -> str:
    name = task.name or task.task_reference_name
    if task.type == "SIMPLE":
        return f"hands {code(name)} to a worker{_given(task)}"
    return f"hands a task of type {code(task.type)} to a worker{_given(task)}"


def _http(task: WorkflowTask) -> str:
    return f"calls {_address(task)}"


def _address(task: WorkflowTask) -> str:
    request = task.input_parameters.get("http_request", task.input_parameters)
    if not isinstance(request, dict):
        return f"what {code(request)} names"
    uri = request.get("uri") or request.get("url")
    method = str(request.get("method") or "GET").upper()
    return code(f"{method} {uri}") if uri else "an address that its input names"


def _http_poll(task: WorkflowTask) -> str:
    request = task.input_parameters.get("http_request")
    given = request if isinstance(request, dict) else {}
    every = given.get("pollingInterval")
    pause = f" every {code(every)} seconds" if every else " again and again"
    until = given.get("terminationCondition")
    condition = f", until {code(until)} holds" if until else ", until it says it is done"
    return f"calls {_address(task)}{pause}{condition}"


def _inline(task: WorkflowTask) -> str:
    expression = task.input_parameters.get("expression") or task.input_parameters.get(
        "scriptExpression"
    )
    if task.input_parameters.get("evaluatorType") == "value-param":
        return f"passes on its input {code(expression)}"
    if isinstance(expression, str) and len(expression) <= _SHORT_SCRIPT:
        return f"computes {code(expression)}"
    names = [name for name in task.input_parameters if name not in _OF_SCRIPTS]
    return f"runs a script over {codes(names, _MOST_NAMES)}" if names else "runs a script"


def _jq(task: WorkflowTask) -> str:
    program = task.input_parameters.get("queryExpression")
    return f"transforms its input with jq, {code(program)}" if program else "transforms its input"


def _wait(task: WorkflowTask) -> str:
    duration, until = (task.input_parameters.get(key) for key in ("duration", "until"))
    if duration:
        return f"waits for {code(duration)}"
    if until:
        return f"waits until {code(until)}"
    return "waits until somebody completes it"


def _human(task: WorkflowTask) -> str:
    definition = task.input_parameters.get("__humanTaskDefinition")
    title = definition.get("displayName") if isinstance(definition, dict) else None
    return f"asks a person: {code(title)}" if title else "waits for a person"


def _event(task: WorkflowTask) -> str:
    return f"publishes an event to {code(task.sink)}" if task.sink else "publishes an event"


def _set_variable(task: WorkflowTask) -> str:
    count = len(task.input_parameters)
    if not count:
        return "sets no variable"
    return f"sets the variable{'s' if count > 1 else ''} {codes(task.input_parameters)}"


def _terminate(task: WorkflowTask) -> str:
    given = task.input_parameters
    reason = given.get("terminationReason")
    why = f", because {code(reason)}" if reason else ""
    return f"ends the workflow as {code(given.get('terminationStatus', 'COMPLETED'))}{why}"


def _join(task: WorkflowTask) -> str:
    if task.expression:
        waits = f"joins {codes(task.join_on)}" if task.join_on else "joins the branches"
        return f"{waits} as soon as its script {code(task.expression, 60)} says so"
    if not task.join_on:
        return "waits for what was forked"
    if len(task.join_on) == 2:
        return f"waits for both {codes(task.join_on)}"
    return f"waits for {codes(task.join_on)}"


def _exclusive_join(task: WorkflowTask) -> str:
    if not task.join_on:
        return "goes on with the branch that was taken"
    return f"goes on with whichever of {codes(task.join_on, link='or')} was taken"


def _sub_workflow(task: WorkflowTask) -> str:
    named = task.sub_workflow_param
    if named is UNSET or not named:
        return "runs another workflow and waits for its end"
    if isinstance(named.workflow_definition, str):
        return f"runs the workflow that {code(named.workflow_definition)} holds, to its end"
    inline = named.workflow_definition
    given_along = inline.name if isinstance(inline, WorkflowDef) else ""
    name = named.name or given_along or task.name
    version = f" (version {named.version})" if named.version else ""
    return f"runs the workflow {code(name)}{version} to its end{_given(task)}"


def _start_workflow(task: WorkflowTask) -> str:
    given = task.input_parameters.get("startWorkflow")
    name = given.get("name") if isinstance(given, dict) else given
    return (
        f"starts the workflow {code(name)} and does not wait for it"
        if name
        else ("starts another workflow and does not wait for it")
    )


def _dynamic(task: WorkflowTask) -> str:
    param = task.dynamic_task_name_param or "taskToExecute"
    source = task.input_parameters.get(str(param))
    return f"runs the task that {code(source or param)} names, decided when it gets there"


def _dynamic_fork(task: WorkflowTask) -> Said:
    given = task.input_parameters
    param = task.dynamic_fork_tasks_param or task.dynamic_fork_join_tasks_param
    source = given.get(str(param)) if param else None
    if source is None and "forkTaskName" in given:
        each = given.get("forkTaskInputs")
        text = f"runs {code(given['forkTaskName'])} in parallel, once for each of {code(each)}"
    elif source is None and "forkTaskWorkflow" in given:
        each = given.get("forkTaskInputs")
        text = f"runs the workflow {code(given['forkTaskWorkflow'])} once for each of {code(each)}"
    elif isinstance(source, str) or param:
        what = source if isinstance(source, str) else param
        text = f"runs the tasks that {code(what)} lists, all in parallel"
    else:
        text = "runs tasks in parallel that are decided when it gets there"
    return f"{text}.", []


def _fork(task: WorkflowTask) -> Said:
    count = len(task.fork_tasks)
    if not count:
        return "runs branches in parallel that are decided when it gets there.", []
    text = "runs a branch of its own:" if count == 1 else f"runs {count} branches in parallel:"
    return text, [(f"Branch {at}", tasks) for at, tasks in enumerate(task.fork_tasks, start=1)]


def _switch(task: WorkflowTask) -> Said:
    passages = [(f"If {code(case, 60)}", tasks) for case, tasks in task.decision_cases.items()]
    if task.default_case:
        passages.append(("Otherwise", task.default_case))
    elif passages:
        passages.append(("Otherwise it goes straight on", []))
    subject = _switched_on(task)
    return f"chooses a way by {subject}:" if passages else f"looks at {subject}.", passages


def _switched_on(task: WorkflowTask) -> str:
    if task.type == "DECISION" and not task.case_expression:
        param: Any = task.case_value_param or ""
    elif task.type == "SWITCH" and task.evaluator_type in ("value-param", UNSET, ""):
        param = task.expression or ""
    else:
        expression = task.case_expression or task.expression
        return f"what {code(expression)} gives" if expression else "its script"
    source = task.input_parameters.get(str(param), param)
    return code(source) if source else "its input"


def _do_while(task: WorkflowTask) -> Said:
    body = [("Each time", task.loop_over)] if task.loop_over else []
    end = ":" if body else "."
    if task.items is not UNSET and task.items:
        if isinstance(task.items, list):
            return f"repeats for each of {counted(len(task.items), 'item')}{end}", body
        return f"repeats for each of {code(task.items)}{end}", body
    if task.loop_condition:
        return f"repeats while {code(task.loop_condition)} holds{end}", body
    return f"repeats{end}", body


_BLOCKS: dict[str, Callable[[WorkflowTask], Said]] = {
    "FORK": _fork,
    "FORK_JOIN": _fork,
    "FORK_JOIN_DYNAMIC": _dynamic_fork,
    "SWITCH": _switch,
    "DECISION": _switch,
    "DO_WHILE": _do_while,
}

_WORDS: dict[str, Callable[[WorkflowTask], str]] = {
    "HTTP": _http,
    "HTTP_POLL": _http_poll,
    "INLINE": _inline,
    "LAMBDA": _inline,
    "JSON_JQ_TRANSFORM": _jq,
    "WAIT": _wait,
    "HUMAN": _human,
    "EVENT": _event,
    "SET_VARIABLE": _set_variable,
    "TERMINATE": _terminate,
    "JOIN": _join,
    "EXCLUSIVE_JOIN": _exclusive_join,
    "SUB_WORKFLOW": _sub_workflow,
    "START_WORKFLOW": _start_workflow,
    "DYNAMIC": _dynamic,
    "NOOP": lambda task: "does nothing",
    "YIELD": lambda task: "stops until a signal comes",
    "WAIT_FOR_WEBHOOK": lambda task: "waits for a webhook delivery that matches",
    "PULL_WORKFLOW_MESSAGES": lambda task: "takes messages that were sent to this run",
    "BUSINESS_RULE": lambda task: f"looks up a decision table{_given(task)}",
    "GET_SIGNED_JWT": lambda task: "signs a token (JWT)",
    "GET_WORKFLOW": lambda task: f"reads another execution{_given(task)}",
    "TERMINATE_WORKFLOW": lambda task: f"terminates other executions{_given(task)}",
    "UPDATE_TASK": lambda task: f"completes a task of another execution{_given(task)}",
    "QUERY_PROCESSOR": lambda task: f"searches for executions{_given(task)}",
    "UPDATE_SECRET": lambda task: "writes a secret",
    "KAFKA_PUBLISH": lambda task: "publishes a message to Kafka",
}


# As text


def _lines(sentences: Sequence[Sentence], depth: int) -> Iterator[str]:
    for one in sentences:
        yield one.text
        for passage in one.inside:
            told = list(_lines(passage.sentences, depth + 1))
            yield f"{passage.label}: {' '.join(told)}" if told else f"{passage.label}."


def _plain(lines: Sequence[str]) -> str:
    return " ".join(lines).replace("`", "")


__all__ = ["Explanation", "Passage", "Sentence", "explain", "refs_of"]
