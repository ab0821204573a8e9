"""No packet to anything but the public: counted by the servers that were not to be reached."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.egress import address_bed

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.network


def _cannot() -> str:
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return "needs root, unshare and ip"
    tried = subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True)
    return "" if tried.returncode == 0 else "this host allows no network namespace"


@pytest.fixture(scope="module")
def bed() -> dict[str, Any]:
    reason = _cannot()
    if reason:
        pytest.skip(reason)
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-m", "tests.egress.address_bed"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("address", address_bed.PUBLIC)
def test_public_address_answers(address: str, bed: dict[str, Any]) -> None:
    assert bed["seen"][f"public {address}"] == "200"


@pytest.mark.parametrize("way", ["literal", "name", "mixed", "rebinding", "redirect"])
@pytest.mark.parametrize("address", address_bed.SECRET)
def test_secret_address_is_refused(address: str, way: str, bed: dict[str, Any]) -> None:
    assert bed["seen"][f"{way} {address}"] == "destination not allowed"


def test_no_secret_server_was_asked(bed: dict[str, Any]) -> None:
    asked = {address.removeprefix("::ffff:") for address in bed["hits"]}

    assert asked == set(address_bed.PUBLIC)
