"""The editor's own layout of JSON, run by Node: it loses nothing that JavaScript cannot hold."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.playground import CHECKOUT

ASSETS = CHECKOUT / "playground" / "web" / "assets"
PROGRAM = """
import { build } from "esbuild";
const made = await build({ entryPoints: ["src/editor/tidy.ts"], bundle: true, format: "esm",
  write: false });
const code = Buffer.from(made.outputFiles[0].text).toString("base64");
const { tidy } = await import(`data:text/javascript;base64,${code}`);
process.stdout.write(JSON.stringify(JSON.parse(process.argv[1]).map(tidy)));
"""


def tidied(*texts: str) -> list[str]:
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    assert (ASSETS / "node_modules").is_dir(), "run: make test (it installs the front end)"
    done = subprocess.run(
        [node, "--input-type=module", "-e", PROGRAM, json.dumps(texts)],
        cwd=ASSETS,
        capture_output=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_numbers_strings_and_names_stay_as_they_are_written() -> None:
    text = r'{"n":12345678901234567890,"n":1.0,"s":"[ \u00e9,  1 ]","e":{ },"l":[ ]}'

    (found,) = tidied(text)

    assert found == (
        "{\n"
        '  "n": 12345678901234567890,\n'
        '  "n": 1.0,\n'
        r'  "s": "[ \u00e9,  1 ]",' + "\n"
        '  "e": {},\n'
        '  "l": []\n'
        "}"
    )


def test_short_lists_stand_on_one_line() -> None:
    long = json.dumps(["a" * 40, "b" * 40])

    short, broken, nested = tidied('["a","b"]', long, "[[1,2],{}]")

    assert short == '["a", "b"]'
    assert broken == f'[\n  "{"a" * 40}",\n  "{"b" * 40}"\n]'
    assert nested == "[\n  [1, 2],\n  {}\n]"
