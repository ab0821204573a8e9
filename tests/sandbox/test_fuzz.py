"""Programs made of random tokens: whatever they do, they get an answer and harm nobody.

The seed is in the test's name; a failure names the program.
"""

import asyncio
import random
from collections.abc import Sequence

import pytest

from playground.sandbox.client import SandboxClient

pytestmark = pytest.mark.anyio

OUTCOMES = {"OK", "ERROR", "TIMEOUT", "MEMORY", "OUTPUT_TOO_LARGE", "CRASHED"}
AT_ONCE = 8

JQ_TOKENS = str.split("""
. .a .b[] .[] .[0] .[1:] .. | , ; ( ) [ ] { } : ? // + - * / % == != < <= and or not as $x $ENV
$__loc__ $y reduce foreach if then elif else end try catch def f: f label break import include
"a" "b\\(1)" "\\u0000" 0 1 -1 1e9 1e1000 nan infinite null true env input inputs debug error empty
length keys map select recurse range range(5) range(1e4) until while repeat limit(3; first last
tojson fromjson tostring tonumber ascii explode implode splits test("a+") sub("a";"b") gsub
@base64 @json @sh @uri now todate strptime mktime paths getpath setpath del to_entries group_by
unique_by(.a) sort_by min_by max_by add any all flatten(1) transpose input_filename ltrimstr
combinations walk(.) env.PATH splits("a") getpath(["a"]) halt SQL tojson|fromjson significand
""")

SCRIPT_TOKENS = str.split("""
$ $.a $.list $.list.size() $.map.get('a') ( ) [ ] { } ; , . => = == === ! ~ - + * ** / % << >>> ?
: ?. ?? ... var let const x y x=1 function f(){} async await yield* class extends super new this
return throw try{} catch{} finally{} if else for(;;) while(0) do in of typeof void delete 0 1 1e9
1n 2**31 NaN Infinity 'a' `${x}` "\\ud800" /a+/g null undefined true Object Array Array(1e6)
Proxy Reflect Symbol.iterator Promise Map Set WeakMap Date JSON RegExp Error eval Function
.constructor .prototype .__proto__ .toString() .length .repeat(9e6) .split('') .map(x=>x) .sort()
.fill(0) .slice() .then() .call() .apply() ArrayBuffer(1e7) Uint8Array DataView Atomics
SharedArrayBuffer globalThis arguments structuredClone queueMicrotask console.log() import() of
""")


def _program(source: random.Random, tokens: Sequence[str]) -> str:
    return " ".join(source.choice(tokens) for _ in range(source.randint(1, 14)))


async def _check(seed: int, count: int, sandbox: SandboxClient) -> None:
    source = random.Random(seed)
    document = {"a": 1, "list": [1, {"b": "x"}], "map": {"a": [None, True]}}
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, kind: str, program: str) -> None:
        async with gate:
            namespace = f"fuzz-{number % 5}"
            evaluation = await sandbox.evaluate(namespace, kind, program, document)
        assert evaluation.outcome in OUTCOMES, (kind, program, evaluation)
        assert evaluation.outcome == "OK" or evaluation.message, (kind, program)

    kinds = (("jq", JQ_TOKENS), ("javascript", SCRIPT_TOKENS), ("javascript-body", SCRIPT_TOKENS))
    programs = [
        (number, kinds[number % 3][0], _program(source, kinds[number % 3][1]))
        for number in range(count)
    ]
    await asyncio.gather(*(one(*program) for program in programs))
    assert (await sandbox.evaluate("fuzz-0", "jq", ".", 1)).outcome == "OK"


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_programs_get_an_answer(seed: int, sandbox: SandboxClient) -> None:
    await _check(seed, 300, sandbox)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(10, 20))
async def test_ten_thousand_random_programs(seed: int, sandbox: SandboxClient) -> None:
    before = await sandbox.status()

    await _check(seed, 1000, sandbox)

    after = await sandbox.status()
    assert after["uptimeSeconds"] > before["uptimeSeconds"]
    assert after["counts"]["forbidden_calls"] == 0
