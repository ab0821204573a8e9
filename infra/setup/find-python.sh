#!/bin/sh
# Prints the Python that make uses: the one of .venv where it works, else the newest one found that
# has the venv module. PYTHON=... decides instead. One sentence and status 1 where there is none.
set -u

suitable() { # has at least 3.11
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}
complete() { # can also make environments
    "$1" -c 'import venv, ensurepip, ctypes, ssl' >/dev/null 2>&1
}
version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

if [ -n "${PYTHON:-}" ]; then
    candidates=$PYTHON
elif suitable .venv/bin/python && .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    echo .venv/bin/python
    exit 0
else
    # Newer ones than these come last: not every dependency has binaries for them yet.
    candidates="python3.14 python3.13 python3.12 python3.11 python3 python"
fi

bare=
for candidate in $candidates; do
    suitable "$candidate" || continue
    if complete "$candidate"; then
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
    bare=${bare:-$candidate}
done

if [ -n "$bare" ]; then
    echo "make: $bare cannot make environments (no venv module); install it with:" \
        "apt install python$(version "$bare")-venv" >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "make: PYTHON=$PYTHON does not run or is older than 3.11; leave PYTHON out to have one found." >&2
else
    echo "make: Python 3.11 or newer is missing; install it with: apt install python3 python3-venv" >&2
fi
exit 1
