"""jq and JavaScript, evaluated here and now: only ever called inside a confined child.

Both take and give JSON text. JavaScript is quickjs-ng; every evaluation gets a new context, so
nothing that a script patches outlives it. jq programs are compiled once and kept.
"""

import itertools
import json
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _quickjs  # not `quickjs`: that module starts a thread, and this process must fork
import jq
import jsonschema_rs

MAX_OUTPUT_BYTES = 1024 * 1024
JAVASCRIPT_MEMORY_BYTES = 64 * 1024 * 1024
JAVASCRIPT_STACK_BYTES = 512 * 1024
MAX_PENDING_JOBS = 10_000
MAX_MESSAGE_CHARACTERS = 2_000
KEPT_PROGRAMS = 64
CHECKING_SECONDS = 1.0
"""Programs whose turn comes later than this are not checked: that is no answer about them."""


@dataclass(frozen=True)
class Result:
    """What became of one evaluation.

    `text` is JSON: for jq the list of all emitted values, for JavaScript the value; for a
    JavaScript ERROR the 1-based line, where it is known.
    """

    outcome: str
    text: str = "null"
    message: str = ""


TOO_LARGE = Result("OUTPUT_TOO_LARGE", message="the result is larger than 1 MB")
NO_MEMORY = Result("MEMORY", message="the program needed more memory than it may use")


def evaluate(kind: str, program: str, document: str) -> Result:
    """Evaluate one program of the kind `jq`, `javascript`, `javascript-body` or `schema`.

    The kind `check` has no program of its own: see `check`.
    """
    try:
        if kind == "check":
            result = check(document)
        elif kind == "schema":
            result = evaluate_schema(program, document)
        elif kind == "jq":
            result = evaluate_jq(program, document)
        else:
            result = evaluate_javascript(program, document, body=kind == "javascript-body")
    except MemoryError:
        return NO_MEMORY
    except RecursionError:
        return Result("ERROR", message="the value is nested too deeply")
    return TOO_LARGE if len(result.text) > MAX_OUTPUT_BYTES else result


def check(document: str) -> Result:
    """Compile programs without running any.

    `document` is a JSON list of `[kind, program]`. The value is a list as long of what is wrong
    with each: `[message, line or null]`, or null for nothing, or for one that was not looked at.
    """
    until = time.monotonic() + CHECKING_SECONDS
    context = _quickjs.Context()
    context.set_memory_limit(JAVASCRIPT_MEMORY_BYTES)
    context.set_max_stack_size(JAVASCRIPT_STACK_BYTES)
    context.eval(_PRELUDE)
    parse = context.eval("__prelude.parse")
    found: list[list[object] | None] = []
    for kind, program in json.loads(document):
        problem = None
        if time.monotonic() < until:
            problem = (
                _jq_problem(program) if kind == "jq" else _script_problem(kind, program, parse)
            )
        found.append(problem)
    return Result("OK", json.dumps(found))


def _jq_problem(program: str) -> list[object] | None:
    try:
        _compile(program)
    except ValueError as problem:
        return [_compile_message(program, str(problem)), None]
    return None


def _script_problem(kind: str, program: str, parse: Any) -> list[object] | None:
    body = kind == "javascript-body"
    try:
        parse(_BODY_BEFORE + program + _BODY_AFTER if body else program)
    except _quickjs.JSException as problem:
        result = _javascript_error(str(problem))
        line = json.loads(result.text)
        return [result.message, line] if result.outcome == "ERROR" else None
    except UnicodeError:
        return None
    return None


# ---- jq

_CANNOT_INDEX = re.compile(r"(Cannot index \w+ with (\w+)) \((.*)\)", re.DOTALL)
_compiled: OrderedDict[str, Any] = OrderedDict()

# A second wall behind the process: `$ENV` and `env` are shadowed, and `import` and `include`
# are syntax errors anywhere but at the start. `tojson` lets jq itself write the result, so
# large integers stay as they came and NaN becomes null.
_BEFORE = "def env: {}; {} as $ENV | (\n"
_AFTER = "\n) | tojson"


def evaluate_jq(program: str, document: str) -> Result:
    try:
        compiled = _compile(program)
    except ValueError as problem:
        return Result("ERROR", message=_compile_message(program, str(problem)))
    emitted: list[str] = []
    size = 0
    try:
        for text in compiled.input_text(document):
            emitted.append(text)
            size += len(text) + 1
            if size > MAX_OUTPUT_BYTES:
                return TOO_LARGE
    except ValueError as problem:
        return Result("ERROR", message=_shortened(_as_jq_1_5_says(str(problem))))
    return Result("OK", "[" + ",".join(emitted) + "]")


def _as_jq_1_5_says(message: str) -> str:
    """`Cannot index string with string "a"`: newer releases put the key in brackets, and name
    numbers and slices too. People search for, and handlers compare, the old text."""
    found = _CANNOT_INDEX.fullmatch(message)
    if found is None:
        return message
    return found[1] + (f" {found[3]}" if found[2] == "string" else "")


def _compile(program: str) -> Any:
    if program in _compiled:
        _compiled.move_to_end(program)
        return _compiled[program]
    compiled = jq.compile(_BEFORE + (program if program.strip() else ".") + _AFTER)
    _compiled[program] = compiled
    if len(_compiled) > KEPT_PROGRAMS:
        _compiled.popitem(last=False)
    return compiled


def _compile_message(program: str, wrapped: str) -> str:
    """The compiler's complaint about what the person wrote, not about our wrapping."""
    message = wrapped
    if not re.search(r"\b(import|include)\b", program):
        try:
            jq.compile(program)
        except ValueError as problem:
            message = str(problem)
    return _shortened(re.sub(r"\njq: \d+ compile errors?\n?$", "", message))


# ---- JSON Schema

# Patterns take linear time: those that would need to go back are refused with the schema. What a
# message quotes is masked, because messages are stored and shown.
_LINEAR = jsonschema_rs.RegexOptions()
MOST_SCHEMA_PROBLEMS = 20
_OF_ADDITIONAL = "additionalProperties"


def evaluate_schema(schema: str, document: str) -> Result:
    """Whether `value` in the document follows a JSON Schema of draft 2020-12.

    The value is a list of `[path, message]`, empty when it does, at most `MOST_SCHEMA_PROBLEMS`
    long; a path is a JSON pointer. Without `value` only the schema is looked at. An ERROR says
    what is wrong with the schema. References lead nowhere but into the schema itself.
    """
    try:
        validator = jsonschema_rs.Draft202012Validator(
            json.loads(schema),
            mask="the value",
            retriever=_refuse,
            pattern_options=_LINEAR,
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as problem:
        return Result("ERROR", message=_shortened(str(problem).partition("\n")[0]))
    given = json.loads(document)
    if "value" not in given:
        return Result("OK", "[]")
    problems = itertools.islice(validator.iter_errors(given["value"]), MOST_SCHEMA_PROBLEMS)
    return Result("OK", json.dumps([_schema_problem(one) for one in problems]))


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema cannot refer to {uri[:200]}")


def _schema_problem(error: Any) -> list[str]:
    at = "".join(f"/{part}" for part in error.instance_path)
    if error.schema_path and str(error.schema_path[-1]) == _OF_ADDITIONAL:
        return [at, "there are properties that the schema does not allow"]
    return [at, _shortened(error.message)[:300]]


# ---- JavaScript

# Inputs are Java collections in Conductor, and scripts in the field call their methods. They
# are put on the prototypes of the input's own objects and lists, never on Object.prototype: a
# `get` there would make every property descriptor an accessor.
_PRELUDE = Path(__file__).with_name("prelude.js").read_text()
_COLLECTION_METHODS = re.compile(
    r"\b(size|isEmpty|get|getOrDefault|contains\w*|add|addAll|set|remove|subList|keySet|values|"
    r"put|putAll|entrySet)\b"
)
_BODY_BEFORE = "(function () {"
_BODY_AFTER = "\n})()"
_POSITION = re.compile(r"<input>:(\d+)")


def evaluate_javascript(script: str, document: str, *, body: bool) -> Result:
    """The value of the last statement; with `body`, what the script returns as a function."""
    context = _quickjs.Context()
    context.set_memory_limit(JAVASCRIPT_MEMORY_BYTES)
    context.set_max_stack_size(JAVASCRIPT_STACK_BYTES)
    context.eval(_PRELUDE)
    tools = {name: context.eval(f"__prelude.{name}") for name in ("run", "collect", "decorated")}
    context.eval("delete globalThis.__prelude")
    try:
        given = context.parse_json(document)
        if _COLLECTION_METHODS.search(script):
            tools["decorated"](given)
        context.set("$", given)
        tools["run"](_BODY_BEFORE + script + _BODY_AFTER if body else script)
        _drain(context)
        return Result("OK", tools["collect"]())
    except _quickjs.StackOverflow as problem:
        return _javascript_error(str(problem))
    except _quickjs.JSException as problem:
        return _javascript_error(str(problem))
    except UnicodeError:
        return Result("ERROR", message="the result contains half of a surrogate pair")


def _drain(context: Any) -> None:
    """Run what promises have left to do; a chain without end stops at the cap."""
    for _ in range(MAX_PENDING_JOBS):
        if not context.execute_pending_job():
            return


def _javascript_error(report: str) -> Result:
    message, _, stack = report.partition("\n    at ")
    message = message.removesuffix("\nundefined").strip()
    if message.startswith("InternalError: out of memory"):
        return NO_MEMORY
    # Below our call of `eval` the stack is the prelude's.
    position = _POSITION.search(stack.partition("at eval (native)")[0])
    line = position.group(1) if position else "null"
    return Result("ERROR", line, _shortened(message))


def _shortened(message: str) -> str:
    readable = message.encode("utf-8", "replace").decode()
    return readable[:MAX_MESSAGE_CHARACTERS] or "the program failed without a message"


def warm_up() -> None:
    """Evaluate a little of all, so that children inherit warm allocators and loaded modules.

    Raises:
        RuntimeError: an engine gave a wrong answer.
    """
    answers = [
        evaluate("jq", '.a | ascii_upcase | test("X")', '{"a":"x"}').text,
        evaluate("javascript", "$.a.get(0) + 1", '{"a":[1]}').text,
        evaluate("schema", '{"pattern":"^(x+x+)+y$"}', '{"value":"xxxx"}').text[:5],
        evaluate("jq", ".a |", "{}").outcome,
        evaluate("javascript", "throw new Error('é')", "{}").outcome,
    ]
    if answers != ["[true]", "2", '[["",', "ERROR", "ERROR"]:
        raise RuntimeError(f"the engines answer {answers}")
