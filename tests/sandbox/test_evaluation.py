"""What honest programs get: results, conversions and errors of jq and JavaScript."""

import asyncio
from typing import Any

import pytest

from playground.sandbox.client import SandboxClient

pytestmark = pytest.mark.anyio

DOCUMENT = {
    "list": [1, 2, {"q": 1}],
    "map": {"a": 5, "size": "large"},
    "text": "é",
    "big": 9_007_199_254_740_993,
}


@pytest.mark.parametrize(
    ("program", "values"),
    [
        (".list", [[1, 2, {"q": 1}]]),
        (".list[]", [1, 2, {"q": 1}]),
        ("empty", []),
        ("", [DOCUMENT]),
        (". # and a comment", [DOCUMENT]),
        (".big", [9_007_199_254_740_993]),
        ("1e2, 1.5, -0.25", [100.0, 1.5, -0.25]),
        ("nan", [None]),
        ("infinite", [1.7976931348623157e308]),
        ("def double: . * 2; .list[0] | double", [2]),
        ('.text | test("É"; "i")', [True]),
        ("$ENV, env", [{}, {}]),
        ("env.PATH, $ENV.HOME", [None, None]),
        ("[.list[] | numbers] | add", [3]),
        ('"a" as $x | "b" | [., $x]', [["b", "a"]]),
        ("{b: 1, a: 2} | keys_unsorted", [["b", "a"]]),
        ('"\\u0000"', ["\N{REPLACEMENT CHARACTER}"]),
        ("12345678901234567890123", [1.2345678901234568e22]),
    ],
)
async def test_jq_value(program: str, values: list[Any], sandbox: SandboxClient) -> None:
    evaluation = await sandbox.evaluate("honest", "jq", program, DOCUMENT)

    assert evaluation.outcome == "OK"
    assert evaluation.value == {
        "result": values[0] if values else None,
        "resultList": values,
    }


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (".text.b", 'Cannot index string with string "b"'),
        ('error("no")', "no"),
        ("error({a: 1})", '{"a": 1}'),
        (".a |", "syntax error, unexpected end of file at <top-level>, line 1"),
        ("}", "syntax error"),
        ("nosuch(1)", "nosuch/1 is not defined"),
    ],
)
async def test_jq_error_names_the_problem(
    program: str, message: str, sandbox: SandboxClient
) -> None:
    evaluation = await sandbox.evaluate("honest", "jq", program, DOCUMENT)

    assert evaluation.outcome == "ERROR"
    assert message in evaluation.message
    assert "compile error" not in evaluation.message


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("$.list.length", 3),
        ("$.list.size()", 3),
        ("$.list.addAll([7, 8]); $.list.subList(3, 5)", [7, 8]),
        ("$.list.containsAll([1, 2]) && !$.list.containsAll([9])", True),
        ("[$.list.set(0, 5), $.list.remove(1), $.list.get(0)]", [1, 2, 5]),
        (
            "[$.map.remove('a'), $.map.containsKey('a'), $.map.containsValue('large')]",
            [5, False, True],
        ),
        ("$.map.putAll({b: 1}); $.map.get('b')", 1),
        (
            "var s = ''; for (const e of $.map.entrySet()) s += e.getKey() + e.getValue(); s",
            "a5sizelarge",
        ),
        ("$.map.entrySet().size()", 2),
        ("$.list.get(1)", 2),
        ("$.map.get('a')", 5),
        ("$.map.get('b')", None),
        ("$.map.containsKey('a')", True),
        ("$.map.size", "large"),
        ("$.map.keySet()", ["a", "size"]),
        ("$.list.isEmpty()", False),
        ("var n = 0; for (var k in $.map) n++; n", 2),
        ("Object.keys($)", ["list", "map", "text", "big"]),
        ("JSON.stringify($.list)", '[1,2,{"q":1}]'),
        ("Array.isArray($.list) && $.list.map(x => x).length", 3),
        ("Object.defineProperty({}, 'x', { value: 1 }).x", 1),
        ("undefined", None),
        ("null", None),
        ("3.0", 3),
        ("2 ** 53", 9_007_199_254_740_992),
        ("0.1 + 0.2", 0.30000000000000004),
        ("1 / 0", None),
        ("10n", 10),
        ("({ a: undefined, f() {}, b: [1, , 2] })", {"a": None, "f": {}, "b": [1, None, 2]}),
        ("new Map([['a', { b: 1 }]])", {"a": {"b": 1}}),
        ("new Set([1, 2])", [1, 2]),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("(() => { const f = function () {}; f.a = 1; return f; })()", {"a": 1}),
        ("Symbol('x')", "Symbol(x)"),
        ("'\\ud800'", "\N{REPLACEMENT CHARACTER}"),
        ("console.log('x'); console.error($); 1", 1),
        ("(async () => ({ a: await 5 }))()", {"a": 5}),
        ("function e() { return $.list[0] > 0 ? 'yes' : 'no'; } e();", "yes"),
        ("if ($.text) { 'a' } else { 'b' }", "a"),
        ("Array.isArray = () => true; JSON.stringify = () => 'x'; ({ a: 1 })", {"a": 1}),
        ("`${$.list[0] + $.list[1]} of ${$.text}`", "3 of é"),
    ],
)
async def test_javascript_value(script: str, value: Any, sandbox: SandboxClient) -> None:
    evaluation = await sandbox.evaluate("honest", "javascript", script, DOCUMENT)

    assert (evaluation.outcome, evaluation.value) == ("OK", value)
    assert type(evaluation.value) is type(value)


@pytest.mark.parametrize(
    ("script", "message", "line"),
    [
        ("\n\nfoo.bar", "ReferenceError: foo is not defined", 3),
        ("1 +", "SyntaxError", 1),
        ("var a;\nreturn a", "SyntaxError: return not in a function", 2),
        ("(function () {\n throw new Error('no')\n})()", "Error: no", 2),
        ("null.x", "TypeError", 1),
        ("throw 'text'", "text", None),
        ("Promise.reject(new Error('later'))", "Error: later", None),
        ("new Promise(() => {})", "never settled", None),
        ("var a = {}; a.a = a; a", "contains itself", None),
        ("function f() { f() } f()", "Maximum call stack size exceeded", 1),
    ],
)
async def test_javascript_error_has_message_and_line(
    script: str, message: str, line: int | None, sandbox: SandboxClient
) -> None:
    evaluation = await sandbox.evaluate("honest", "javascript", script, DOCUMENT)

    assert evaluation.outcome == "ERROR"
    assert message in evaluation.message
    assert line is None or evaluation.value == line


async def test_javascript_body_must_return(sandbox: SandboxClient) -> None:
    returned = await sandbox.evaluate("honest", "javascript-body", "return $.list[1]", DOCUMENT)
    silent = await sandbox.evaluate("honest", "javascript-body", "$.list[1]", DOCUMENT)

    assert (returned.outcome, returned.value) == ("OK", 2)
    assert (silent.outcome, silent.value) == ("OK", None)


async def test_script_changes_neither_input_nor_the_next(sandbox: SandboxClient) -> None:
    document = {"a": [1]}
    spoil = "$.a.push(2); Array.prototype.map = null; globalThis.left = 1; $.a"

    first = await sandbox.evaluate("honest", "javascript", spoil, document)
    after = await sandbox.evaluate(
        "honest", "javascript", "typeof left + $.a.map(x => x)", document
    )

    assert first.value == [1, 2]
    assert after.value == "undefined1"
    assert document == {"a": [1]}


async def test_many_evaluations_share_one_connection(sandbox: SandboxClient) -> None:
    evaluations = await asyncio.gather(
        *(sandbox.evaluate(f"n{i % 5}", "jq", ".i + 1", {"i": i}) for i in range(100))
    )

    assert [one.value["result"] for one in evaluations] == list(range(1, 101))


@pytest.mark.parametrize(
    ("kind", "program", "document", "message"),
    [
        ("jq", "." + " " * 32_768, {}, "larger than 32 KB"),
        ("jq", ".", "x" * 1_048_576, "larger than 1 MB"),
        ("jq", ".a\0 | error", {}, "NUL"),
        ("javascript", "1;\0", {}, "NUL"),
        ("python", "1", {}, "kind"),
        ("jq", ".\ud800", {}, "not JSON"),
        ("jq", ".", {"a": "\ud800"}, "not JSON"),
        ("jq", ".", {"a": object()}, "not JSON"),
    ],
)
async def test_what_cannot_be_evaluated_says_why(
    kind: str, program: str, document: Any, message: str, sandbox: SandboxClient
) -> None:
    evaluation = await sandbox.evaluate("honest", kind, program, document)

    assert evaluation.outcome == "ERROR"
    assert message in evaluation.message
