"""A worker project to download: everything but the secret of the key is filled in."""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_FIRST_DAY_OF_ZIP: Final = (1980, 1, 1, 0, 0, 0)
LANGUAGES: Final = {"python": "Python", "javascript": "JavaScript"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """What the worker is for."""

    task_type: str
    server_url: str
    key_id: str


def archive(project: Project, language: str) -> bytes:
    """The project as a zip file; the same project gives the same bytes."""
    files = _python(project) if language == "python" else _javascript(project)
    folder = f"{re.sub(r'[^A-Za-z0-9_-]+', '-', project.task_type)[:60] or 'my'}-worker"
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", _FIRST_DAY_OF_ZIP)
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            zipped.writestr(entry, text)
    return body.getvalue()


def _python(project: Project) -> Mapping[str, str]:
    # Names of others stand only inside literals: a name must not become a part of the program.
    worker = f'''"""A worker: what `work` returns is the output of its task."""

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.task import Task
from conductor.client.worker.worker_task import worker_task


@worker_task(task_definition_name={project.task_type!r})
def work(task: Task) -> dict:
    print("working on", task.input_data, flush=True)
    return {{"result": "Hello from my worker", "received": task.input_data}}


if __name__ == "__main__":
    # Address and key come from the environment: see .env
    with TaskHandler(configuration=Configuration()) as workers:
        workers.start_processes()
        workers.join_processes()
'''
    run = """#!/bin/sh
# Install what is needed, once, and start the worker. Ctrl-C stops it.
set -eu
cd "$(dirname "$0")"
if [ ! -d .venv ]; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet -r requirements.txt
fi
set -a; . ./.env; set +a
exec .venv/bin/python worker.py
"""
    return {
        "README.md": _readme(project, "worker.py", "Python 3.10 or newer"),
        ".env": _environment(project),
        "requirements.txt": "conductor-python>=2.0\n",
        "worker.py": worker,
        "run.sh": run,
    }


def _javascript(project: Project) -> Mapping[str, str]:
    worker = f"""// A worker: what `execute` returns is the output of its task.
import {{ orkesConductorClient, TaskManager }} from "@io-orkes/conductor-javascript";

const client = await orkesConductorClient({{
  serverUrl: process.env.CONDUCTOR_SERVER_URL,
  keyId: process.env.CONDUCTOR_AUTH_KEY,
  keySecret: process.env.CONDUCTOR_AUTH_SECRET,
}});

const worker = {{
  taskDefName: {_quoted(project.task_type)},
  execute: async ({{ inputData }}) => {{
    console.log("working on", inputData);
    return {{
      status: "COMPLETED",
      outputData: {{ result: "Hello from my worker", received: inputData }},
    }};
  }},
}};

const manager = new TaskManager(client, [worker], {{ options: {{ pollInterval: 500 }} }});
manager.startPolling();
"""
    package = """{
  "name": "my-worker",
  "private": true,
  "type": "module",
  "scripts": { "start": "node worker.mjs" },
  "dependencies": { "@io-orkes/conductor-javascript": "^4.0.0" }
}
"""
    run = """#!/bin/sh
# Install what is needed, once, and start the worker. Ctrl-C stops it.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] || npm install --silent
set -a; . ./.env; set +a
exec node worker.mjs
"""
    return {
        "README.md": _readme(project, "worker.mjs", "Node.js 18 or newer"),
        ".env": _environment(project),
        "package.json": package,
        "worker.mjs": worker,
        "run.sh": run,
    }


def _readme(project: Project, file: str, needs: str) -> str:
    return f"""# A worker for `{_one_line(project.task_type)}`

Needs {needs}. Put the secret of your access key into `.env`, then:

    sh run.sh

The worker polls {project.server_url} and says what it works on. Change what it does in `{file}`.
"""


def _environment(project: Project) -> str:
    return f"""# The secret was shown once, when the key was created. Keep this file to yourself.
CONDUCTOR_SERVER_URL={_shell(project.server_url)}
CONDUCTOR_AUTH_KEY={_shell(project.key_id)}
CONDUCTOR_AUTH_SECRET=
"""


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _quoted(text: str) -> str:
    return json.dumps(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
