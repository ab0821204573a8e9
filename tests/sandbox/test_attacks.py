"""Programs that mean harm: each fails by itself, and the sandbox answers as before."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.sandbox.client import Evaluation, SandboxClient
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.anyio

MARKER = "planted-secret-3f9a"

# Programs that try to read what is not theirs. Any outcome but the secret is fine.
CURIOUS_JQ = [
    "$ENV",
    "env",
    "$ENV.SECRET",
    "env.SECRET",
    "error($ENV)",
    "error(env)",
    "$__prog_args",
    "$__loc__",
    "input_filename",
    "get_search_list",
    "[limit(5; inputs)]",
    "input",
    "debug, stderr",
    "halt",
    'halt_error("x")',
    '"/etc/passwd" | modulemeta',
    'import "FILE" as $d; $d',
    'import "secret" as $d {search: "DIRECTORY"}; $d',
    'import "secret" as $d {search: "DIRECTORY/"}; $d::d',
    'include "secret" {search: "DIRECTORY"}; .',
    'import "mods/x" as x {search: "./"}; 1',
    'import "a" as a {search: "$ORIGIN/../lib"}; 1',
    'import "../../../../etc/passwd" as $d; $d',
    ') | import "secret" as $d {search: "DIRECTORY"}; ($d',
    "1) as $x | ($ENV",
    ". as {$ENV} | $ENV",
    "def env: $ENV; env",
    "def f: env; f",
    "reduce env as $e (0; $e)",
    "$ENV | keys",
    '@base64 "\\($ENV)"',
    '"\\(env)"',
    "(env, $ENV) | tojson",
    "[splits(env)]?",
    'getpath(["__proto__"])',
    "now | localtime | mktime | todate",
    '"10:00" | strptime("%H:%M") | mktime',
    "ltrimstr(1), tojson, @sh",
    "builtins | length",
    "input_line_number",
    "$__prog_name",
    "getpath(paths(..))",
    "[.[]?] | implode",
    "[1114112] | implode",
    "[-1] | implode",
    "[55296] | implode",
    "splits(1)",
    "ascii(300)",
    '@json "x\\(env)"',
    "path(..)",
    "tojson | fromjson | env",
    "limit(-1; 1)",
    "ltrimstr($ENV)",
    "try error(env) catch .",
    "label $f | env, break $f",
    "getpath([[]])",
    "SQL",
    '@html "\\(env)"',
    "input_filename | .[0:1]",
    ". as [$a] | $a",
    '"\\(1 as $x | 2)"',
]

CURIOUS_JAVASCRIPT = [
    "std",
    "os",
    "typeof std + typeof os + typeof scriptArgs",
    "require('fs')",
    "import('fs')",
    "import('/etc/passwd')",
    "import('file:///etc/passwd')",
    "import.meta",
    "process.env",
    "globalThis.process",
    "Deno.env",
    "fetch('http://127.0.0.1/')",
    "new XMLHttpRequest()",
    "new WebSocket('ws://127.0.0.1')",
    "new Worker('x')",
    "load('/etc/passwd')",
    "loadScript('/etc/passwd')",
    "print(1)",
    "read('/etc/passwd')",
    "readline()",
    "setTimeout(() => 1, 1)",
    "WebAssembly",
    "Java.type('java.lang.System').getenv()",
    "java.lang.Runtime.getRuntime()",
    "Packages.java.lang.System",
    "$.getClass().forName('java.lang.Runtime')",
    "$.list.getClass()",
    "Polyglot.eval('js', '1')",
    "this.constructor.constructor('return process')()",
    "[].constructor.constructor('return this')()",
    "$.constructor.constructor('return globalThis')().__prelude",
    "(function () { return this })()",
    "Function('return this')().std",
    "eval('std')",
    "(0, eval)('this')",
    "new Proxy({}, { get() { return 1 } })",
    "new Proxy([], { ownKeys() { throw 1 } })",
    "Reflect.ownKeys(globalThis)",
    "Error.prepareStackTrace = (e, s) => s; new Error().stack",
    "Error.stackTraceLimit = 1e9; null.x",
    "throw new Proxy({}, { get() { throw 1 } })",
    "throw Symbol()",
    "({ get a() { throw new Error('getter') } })",
    "({ toJSON() { throw 1 } })",
    "Object.prototype.toJSON = () => { throw 1 }; ({ a: 1 })",
    "Array.prototype[0] = 5; [,]",
    "Object.defineProperty(Array.prototype, 0, { set() { throw 1 } }); [1]",
    "Promise.prototype.then = () => { throw 1 }; (async () => 1)()",
    "class P extends Promise { static get [Symbol.species]() { throw 1 } }; P.resolve(1)",
    "globalThis.$ = undefined; $",
    "delete globalThis.console; console",
    "Object.freeze(globalThis); 1",
    "new Function('a', 'return a')(1)",
    "escape('%') + unescape('%u0000')",
    "Symbol.for('x').description",
    "new SharedArrayBuffer(8)",
    "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 60000)",
    "new Uint8Array(new ArrayBuffer(8, { maxByteLength: 1 << 30 }))",
    "new FinalizationRegistry(() => {}).register({}, 1); 1",
    "new WeakRef({}).deref()",
    "String.raw`\\u`",
    "structuredClone({})",
    "performance.now()",
    "queueMicrotask(() => { throw 1 }); 1",
    "(async () => { throw new Error('late') })(); 1",
    "bjson",
]

# Programs that never end, or only after the deadline.
ENDLESS = [
    ("jq", "def f: f; f"),
    ("jq", "last(repeat(.))"),
    ("jq", "until(false; .)"),
    ("jq", "last(range(infinite))"),
    ("jq", "[range(1e9)]"),
    ("jq", "[limit(1e9; repeat(1))] | length"),
    ("jq", "[range(3e6)] | [combinations(3)] | length"),
    ("javascript", "while (true);"),
    ("javascript", "for (;;) { try { while (true); } catch (_) {} }"),
    ("javascript", "(async () => { for (;;); })()"),
    ("javascript", "Promise.resolve().then(() => { for (;;); })"),
    ("javascript", "/^(a+)+$/.test('a'.repeat(40) + 'b')"),
    ("javascript", "(function* () { for (;;) yield 1; })().forEach(() => 1)"),
    ("javascript", "let s = 10n; for (;;) { let t = 3n ** 20000n; }"),
    ("javascript", "Array.from({ length: 1e9 }, () => 1).sort()"),
    ("javascript", "[].flat.call({ length: 2 ** 53 - 1 })"),
    ("javascript-body", "for (;;);"),
]

# Programs that take memory until they have none.
GREEDY = [
    ("jq", '"x" * 1e9'),
    ("jq", ".[1e8] = 1"),
    ("jq", "def f: 1 + f; f"),
    ("jq", "reduce range(40) as $i ([0]; . + .)"),
    ("jq", 'reduce range(40) as $i ("ab"; . + .)'),
    ("jq", "[range(3e7)]"),
    ("javascript", "let a = []; for (;;) a.push(new Uint8Array(1 << 20))"),
    ("javascript", "let s = 'x'; for (;;) s += s"),
    ("javascript", "let a = []; for (;;) a.push([a.length])"),
    ("javascript", "'a'.repeat(2 ** 28).split('')"),
    ("javascript", "new Array(3e8).fill(0)"),
    ("javascript", "Array(2 ** 32 - 2).fill(1)"),
    ("javascript", "new ArrayBuffer(2 ** 31)"),
    ("javascript", "JSON.stringify('x'.repeat(3e7) + '\"'.repeat(3e7))"),
    ("javascript", "'ab'.replaceAll('', 'x'.repeat(2 ** 26))"),
    ("javascript", "let m = new Map(); for (let i = 0; ; i++) m.set(i, { i })"),
]

LARGE = [
    ("jq", 'repeat("x" * 1000)'),
    ("jq", '[range(2000) | "x" * 1000]'),
    ("jq", '"x" * 2000000'),
    ("jq", '"é" * 700000'),
    ("javascript", "'x'.repeat(2 ** 21)"),
    ("javascript", "'é'.repeat(700000)"),
    ("javascript", "Array(600000).fill(1)"),
]

DEEP = [
    ("jq", "reduce range(5000) as $i (0; [.])"),
    ("jq", "reduce range(200) as $i (0; {a: .})"),
    ("javascript", "let a = 0; for (let i = 0; i < 5000; i++) a = [a]; a"),
]

REFUSED = {"ERROR", "TIMEOUT", "MEMORY", "OUTPUT_TOO_LARGE", "CRASHED"}


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("secrets") / "secret.json"
    path.write_text(json.dumps(MARKER))
    path.parent.chmod(0o755)
    path.chmod(0o644)
    return path


@pytest.fixture(scope="module", params=["all", "floor"])
def walled(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox with every wall the host allows, and one with nothing but the floor."""
    server = Sandbox("--walls", request.param, environment={"SECRET": MARKER})
    yield server
    server.stop()


async def _evaluate(server: Sandbox, kind: str, program: str) -> Evaluation:
    client = SandboxClient(server.socket)
    try:
        return await client.evaluate("eve", kind, program, {"list": [1], "a": "x"})
    finally:
        await client.close()


async def _still_answers(server: Sandbox, client: SandboxClient) -> bool:
    os.kill(server.pid, 0)
    jq = await client.evaluate("ada", "jq", ".a + 1", {"a": 1})
    script = await client.evaluate("ada", "javascript", "$.a + 1", {"a": 1})
    return bool(jq.value == {"result": 2, "resultList": [2]} and script.value == 2)


async def test_curious_jq_learns_nothing(walled: Sandbox, secret_file: Path) -> None:
    client = SandboxClient(walled.socket)
    for program in CURIOUS_JQ:
        program = program.replace("DIRECTORY", str(secret_file.parent))
        program = program.replace("FILE", str(secret_file.with_suffix("")))
        evaluation = await client.evaluate("eve", "jq", program, {"list": [1], "a": "x"})
        assert MARKER not in repr(evaluation), program
        assert "root:" not in repr(evaluation), program
        assert evaluation.outcome in {"OK", "ERROR"}, (program, evaluation)
    assert await _still_answers(walled, client)
    await client.close()


async def test_curious_javascript_learns_nothing(walled: Sandbox) -> None:
    client = SandboxClient(walled.socket)
    for script in CURIOUS_JAVASCRIPT:
        evaluation = await client.evaluate("eve", "javascript", script, {"list": [1], "a": "x"})
        assert MARKER not in repr(evaluation), script
        assert evaluation.outcome in {"OK", "ERROR", "MEMORY"}, (script, evaluation)
    assert await _still_answers(walled, client)
    await client.close()


async def test_endless_programs_end_in_time(sandbox: SandboxClient) -> None:
    async def timed(number: int, kind: str, program: str) -> tuple[str, Evaluation]:
        return program, await sandbox.evaluate(f"endless-{number}", kind, program, {"a": 1})

    results = await asyncio.gather(
        *(timed(number, kind, program) for number, (kind, program) in enumerate(ENDLESS))
    )

    for program, evaluation in results:
        assert evaluation.outcome in REFUSED, (program, evaluation)


async def test_endless_program_is_stopped_after_two_seconds(sandbox: SandboxClient) -> None:
    started = time.monotonic()

    evaluation = await sandbox.evaluate("spinner", "jq", "def f: f; f", None)

    assert evaluation.outcome == "TIMEOUT"
    assert "2 seconds" in evaluation.message
    assert 1.9 < time.monotonic() - started < 3.5


@pytest.mark.parametrize(("kind", "program"), GREEDY)
async def test_greedy_program_fails_alone(kind: str, program: str, sandbox: SandboxClient) -> None:
    evaluation = await sandbox.evaluate("greedy", kind, program, [])

    assert evaluation.outcome in {"MEMORY", "TIMEOUT", "ERROR"}
    assert evaluation.message


@pytest.mark.parametrize(("kind", "program"), LARGE)
async def test_large_result_is_refused(kind: str, program: str, sandbox: SandboxClient) -> None:
    evaluation = await sandbox.evaluate("large", kind, program, {})

    assert evaluation.outcome == "OUTPUT_TOO_LARGE"


@pytest.mark.parametrize(("kind", "program"), DEEP)
async def test_deep_result_is_refused(kind: str, program: str, sandbox: SandboxClient) -> None:
    evaluation = await sandbox.evaluate("deep", kind, program, {})

    assert evaluation.outcome == "ERROR"


async def test_chain_of_promises_without_end_is_cut(sandbox: SandboxClient) -> None:
    script = "let n = 0; (async () => { for (;;) { n++; await 0 } })(); 'done'"

    evaluation = await sandbox.evaluate("promises", "javascript", script, {})

    assert (evaluation.outcome, evaluation.value) == ("OK", "done")


async def test_namespaces_do_not_share_a_process(sandbox: SandboxClient) -> None:
    before = await sandbox.status()

    for namespace in ("left", "right", "left", "right"):
        await sandbox.evaluate(namespace, "javascript", "1", {})

    after = await sandbox.status()
    assert after["counts"]["forks"] == before["counts"]["forks"] + 2


async def test_spinning_namespace_does_not_stop_the_others(sandbox: SandboxClient) -> None:
    loops = [
        asyncio.create_task(sandbox.evaluate("hog", "javascript", "for (;;);", {}))
        for _ in range(20)
    ]
    await asyncio.sleep(0.2)
    started = time.monotonic()

    answers = [await sandbox.evaluate("calm", "jq", ".", 1) for _ in range(20)]

    seconds = time.monotonic() - started
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    assert all(answer.outcome == "OK" for answer in answers)
    assert seconds < 2


async def test_endless_line_of_one_namespace_is_refused(sandbox: SandboxClient) -> None:
    loops = [
        asyncio.create_task(sandbox.evaluate("crowd", "javascript", "for (;;);", {}))
        for _ in range(205)
    ]
    done, waiting = await asyncio.wait(loops, timeout=1, return_when=asyncio.FIRST_COMPLETED)
    first = done.pop().result()
    for loop in waiting:
        loop.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert first.outcome == "UNAVAILABLE"
    assert first.again
    assert "too many" in first.message
