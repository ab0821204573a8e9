#!/bin/sh
# Installs the system packages that tests need, where root may: Chromium for the browser tests and
# libseccomp for the sandbox. Elsewhere it says what is missing and what that means.
set -u

missing=
command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome >/dev/null || missing="chromium"
# No pipe into grep -q: it would close early and make the listing fail.
case "$(/sbin/ldconfig -p 2>/dev/null)" in
*libseccomp.so.2*) ;;
*) missing="$missing libseccomp2" ;;
esac
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "make: installing $missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of words
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing; } >/dev/null && exit 0
fi

echo "make: the tests that need it are skipped, because this is missing: $missing;" \
    "install it with: sudo apt install $missing" >&2
if [ "${CI:-}" = true ]; then
    echo "make: with CI=true nothing may be skipped." >&2
    exit 1
fi
