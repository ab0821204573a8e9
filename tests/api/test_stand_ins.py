"""The switches of stand-in workers over HTTP."""

from typing import Any

import httpx2

PATH = "/api/playground/stand-ins"


def switched(api: httpx2.Client, path: str, enabled: bool) -> dict[str, Any]:
    answer = api.put(path, json={"enabled": enabled})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def states(body: dict[str, Any]) -> dict[str, bool]:
    return {one["taskType"]: one["enabled"] for one in body["standIns"]}


def test_lists_every_stand_in(api: httpx2.Client) -> None:
    listed = api.get(PATH).json()

    assert listed["enabled"] is True
    assert (states(listed)["hello_world"], states(listed)["simplest_task"]) == (True, False)


def test_one_switch_and_the_switch_over_all(api: httpx2.Client) -> None:
    one = switched(api, f"{PATH}/simplest_task", True)
    none = switched(api, PATH, False)
    again = switched(api, PATH, True)

    assert states(one)["simplest_task"] is True
    assert (none["enabled"], set(states(none).values())) == (False, {False})
    assert states(again) == states(one)


def test_only_true_and_false_are_switches(api: httpx2.Client) -> None:
    answer = api.put(PATH, json={"enabled": "perhaps"})

    assert answer.status_code == 400
    assert answer.json()["validationErrors"][0]["path"] == "enabled"
