"""Compiling without running: what is said of each program, and that nothing of it is run."""

import pytest

from playground.sandbox.client import SandboxClient, SyntaxProblem

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "program"),
    [
        ("javascript", "(function () { return $.a?.b ?? 1; })();"),
        ("javascript", "for (;;);"),
        ("javascript", "throw 5"),
        ("javascript", "if ($.a) { true; } else { false; }"),
        ("javascript", "const $x = `${1}`; let console_ = 1; $x"),
        ("javascript-body", "return {a: $.b}"),
        ("jq", ".a | map(.b) | {c: .[0]}"),
        ("jq", "def f: f; f"),
        ("jq", "input, $__loc__"),
    ],
)
async def test_program_that_compiles_has_no_problem(
    kind: str, program: str, sandbox: SandboxClient
) -> None:
    assert await sandbox.check("ada", [(kind, program)]) == {}


@pytest.mark.parametrize(
    ("kind", "program", "message", "line"),
    [
        ("javascript", "$.a ===", "SyntaxError", 1),
        ("javascript", "let a = 1;\nlet b = ;", "SyntaxError", 2),
        ("javascript", "return 1", "return not in a function", 1),
        ("javascript", "let a; let a", "redefinition", 1),
        ("javascript-body", "return {", "SyntaxError", 2),
        ("jq", ".input[", "syntax error", None),
        ("jq", "nope(1)", "nope/1 is not defined", None),
    ],
)
async def test_program_that_does_not_compile_says_where(
    kind: str, program: str, message: str, line: int | None, sandbox: SandboxClient
) -> None:
    (problem,) = (await sandbox.check("ada", [(kind, program)])).values()

    assert message in problem.message
    assert problem.line == line


async def test_many_are_answered_together(sandbox: SandboxClient) -> None:
    good = [("javascript", f"$.a + {n}") for n in range(300)]
    bad = ("javascript", "1 +")

    assert list(await sandbox.check("ada", [*good, bad, bad])) == [bad]


async def test_program_too_large_to_run_is_told(sandbox: SandboxClient) -> None:
    program = ("javascript", "1;" * 20_000)

    assert await sandbox.check("ada", [program]) == {
        program: SyntaxProblem("the program is larger than 32 KB")
    }


async def test_nothing_is_said_without_a_sandbox() -> None:
    client = SandboxClient("/nonexistent/sandbox.sock")

    assert await client.check("ada", [("javascript", "1 +")]) == {}


async def test_odd_texts_are_harmless(sandbox: SandboxClient) -> None:
    odd = ["\0", "\ud800", "}); for(;;); (function(){", "x" * 30_000, "[" * 30_000, "-->", "#!x"]
    programs = [(kind, text) for kind in ("javascript", "jq") for text in odd]

    for program in programs:
        await sandbox.check("ada", [program])

    assert await sandbox.check("ada", [("jq", "."), ("javascript", "1")]) == {}
