"""jq and JavaScript, evaluated here and now: only ever called inside a confined child.

Both take and give JSON text. JavaScript is quickjs-ng; every evaluation gets a new context, so
nothing that a script patches outlives it. jq programs are compiled once and kept.
"""

import json
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import _quickjs  # not `quickjs`: that module starts a thread, and this process must fork
import jq

MAX_OUTPUT_BYTES = 1024 * 1024
JAVASCRIPT_MEMORY_BYTES = 64 * 1024 * 1024
JAVASCRIPT_STACK_BYTES = 512 * 1024
MAX_PENDING_JOBS = 10_000
MAX_MESSAGE_CHARACTERS = 2_000
KEPT_PROGRAMS = 64


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
    """Evaluate one program of the kind `jq`, `javascript` or `javascript-body`."""
    try:
        if kind == "jq":
            result = evaluate_jq(program, document)
        else:
            result = evaluate_javascript(program, document, body=kind == "javascript-body")
    except MemoryError:
        return NO_MEMORY
    except RecursionError:
        return Result("ERROR", message="the value is nested too deeply")
    return TOO_LARGE if len(result.text) > MAX_OUTPUT_BYTES else result


# ---- jq

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
        return Result("ERROR", message=_shortened(str(problem)))
    return Result("OK", "[" + ",".join(emitted) + "]")


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


# ---- JavaScript

# Inputs are Java collections in Conductor, and scripts in the field call their methods. They
# are put on the prototypes of the input's own objects and lists, never on Object.prototype: a
# `get` there would make every property descriptor an accessor.
_PRELUDE = r"""
(function () {
  'use strict';
  const { isArray } = Array, { keys, setPrototypeOf, defineProperty, create } = Object;
  const { stringify } = JSON;
  const apply = Reflect.apply, then = Promise.prototype.then, Promise_ = Promise;
  const wellFormed = String.prototype.toWellFormed, push = Array.prototype.push;
  const Map_ = Map, Set_ = Set, Date_ = Date, Error_ = Error, toISOString = Date.prototype.toISOString;
  const mapEach = Map.prototype.forEach, setEach = Set.prototype.forEach, String_ = String;
  const getTime = Date.prototype.getTime, indirectEval = eval;
  const own = (object, key) => apply(Object.prototype.hasOwnProperty, object, [key]);

  function methods(target, table) {
    for (const name of keys(table)) {
      defineProperty(target, name, { value: table[name], writable: true, configurable: true });
    }
    return target;
  }
  const JavaList = methods(create(Array.prototype), {
    size() { return this.length; },
    isEmpty() { return this.length === 0; },
    get(index) { return this[index]; },
    contains(value) { return this.includes(value); },
    add(value) { this.push(value); return true; },
  });
  const JavaMap = methods(create(Object.prototype), {
    size() { return keys(this).length; },
    isEmpty() { return keys(this).length === 0; },
    get(key) { return own(this, key) ? this[key] : null; },
    getOrDefault(key, other) { return own(this, key) ? this[key] : other; },
    containsKey(key) { return own(this, key); },
    keySet() { return decorated(keys(this)); },
    values() { return decorated(keys(this).map((key) => this[key])); },
    put(key, value) { const before = this.get(key); this[key] = value; return before; },
  });
  function decorated(root) {
    const waiting = [root];
    for (let i = 0; i < waiting.length; i++) {
      const value = waiting[i];
      if (typeof value !== 'object' || value === null) continue;
      const members = isArray(value) ? value : keys(value).map((key) => value[key]);
      for (const member of members) {
        if (typeof member === 'object' && member !== null) apply(push, waiting, [member]);
      }
      setPrototypeOf(value, isArray(value) ? JavaList : JavaMap);
    }
    return root;
  }

  function plain(value, depth, above) {
    switch (typeof value) {
      case 'undefined': return null;
      case 'boolean': case 'number': return value;
      case 'string': return apply(wellFormed, value, []);
      case 'bigint': return Number(value);
      case 'symbol': return String_(value);
    }
    if (value === null) return null;
    if (depth > 100) throw new Error_('the result is nested more than 100 levels deep');
    if (above.includes(value)) throw new Error_('the result contains itself');
    const inside = [...above, value];
    if (value instanceof Date_) {
      const time = apply(getTime, value, []);
      return time === time ? apply(toISOString, value, []) : null;
    }
    if (isArray(value)) {
      const list = [];
      for (let i = 0; i < value.length; i++) list[i] = plain(value[i], depth + 1, inside);
      return list;
    }
    const object = create(null);
    if (value instanceof Map_) {
      apply(mapEach, value, [(member, key) => {
        object[String_(key)] = plain(member, depth + 1, inside);
      }]);
      return object;
    }
    if (value instanceof Set_) {
      const list = [];
      apply(setEach, value, [(member) => { list[list.length] = plain(member, depth + 1, inside); }]);
      return list;
    }
    if (value instanceof Error_) return apply(wellFormed, String_(value), []);
    for (const key of keys(value)) {
      object[apply(wellFormed, key, [])] = plain(value[key], depth + 1, inside);
    }
    return object;
  }

  const silent = () => undefined;
  const console = {};
  for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'table', 'dir',
                      'group', 'groupEnd', 'time', 'timeEnd', 'assert', 'count']) {
    console[name] = silent;
  }
  defineProperty(globalThis, 'console', { value: console, writable: true, configurable: true });

  let state = null;
  // The value stays on this side: not every JavaScript value has a Python twin. (The script may
  // have patched what is called here; it harms nobody but itself.)
  function run(source) {
    const value = indirectEval(source);
    if (!(value instanceof Promise_)) { state = { value }; return; }
    apply(then, value, [(kept) => { state = { value: kept }; }, (broken) => { state = { broken }; }]);
  }
  function collect() {
    if (state === null) throw new Error_('the promise was never settled');
    if ('broken' in state) throw state.broken;
    return stringify(plain(state.value, 0, []));
  }
  return { run, collect, decorated };
})()
"""
_COLLECTION_METHODS = re.compile(
    r"\b(size|isEmpty|get|contains|add|getOrDefault|containsKey|keySet|values|put)\b"
)
_BODY_BEFORE = "(function () {"
_BODY_AFTER = "\n})()"
_POSITION = re.compile(r"<input>:(\d+)")


def evaluate_javascript(script: str, document: str, *, body: bool) -> Result:
    """The value of the last statement; with `body`, what the script returns as a function."""
    context = _quickjs.Context()
    context.set_memory_limit(JAVASCRIPT_MEMORY_BYTES)
    context.set_max_stack_size(JAVASCRIPT_STACK_BYTES)
    context.eval("globalThis.__prelude = " + _PRELUDE)
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
    """Evaluate once with each, so that children inherit warm allocators and loaded modules."""
    assert evaluate("jq", '.a | ascii_upcase | test("X")', '{"a":"x"}').text == "[true]"
    assert evaluate("javascript", "$.a.get(0) + 1", '{"a":[1]}').text == "2"
    evaluate("jq", ".a |", "{}")
    evaluate("javascript", "throw new Error('é')", "{}")
    json.loads('{"a": [1.5, "é", null]}')
