"""Pins what the stand-ins compute, and how they refuse what they cannot."""

from typing import Any

import pytest

from playground.egress import Egress, EgressFailed, EgressRequest, EgressResponse
from playground.executors import Tools
from playground.executors.stand_ins import STAND_INS, StandInTask, execute
from playground.model.requests import TaskResult

pytestmark = pytest.mark.anyio

SAMPLES = "http://here/samples"


class Wire(Egress):
    """An egress without a network: gives pictures, takes uploads, or breaks."""

    def __init__(self, problem: str = "") -> None:
        self.asked: list[EgressRequest] = []
        self._problem = problem

    async def fetch(self, namespace: str, request: EgressRequest) -> EgressResponse:
        self.asked.append(request)
        if self._problem:
            raise EgressFailed(self._problem, "too often")
        status = 201 if request.method == "PUT" else 200
        return EgressResponse(status=status, reason="", headers=[], body=b"a picture")


async def result_of(
    task_type: str, given: dict[str, Any], *, attempt: int = 0, wire: Wire | None = None
) -> TaskResult | None:
    task = StandInTask(
        namespace="ada-1",
        execution_id="w",
        task_id="t",
        task_type=task_type,
        input=given,
        attempt=attempt,
        now_ms=1_767_254_400_000,
        samples_url=SAMPLES,
    )
    return await execute(task, Tools(egress=wire or Wire(), sandbox=None))  # type: ignore[arg-type]


async def output_of(task_type: str, given: dict[str, Any], **options: Any) -> dict[str, Any]:
    result = await result_of(task_type, given, **options)
    assert result is not None
    assert result.status == "COMPLETED", result.reason_for_incompletion
    return result.output_data


async def test_adds() -> None:
    given = {"firstNumber": 4, "secondNumber": 5.5}
    assert await output_of("simplest_task", given) == {"result": 9.5}


async def test_says_what_time_it_is() -> None:
    said = await output_of("hello_world", {})
    assert said["currentTimeOnServer"] == "2026-01-01T08:00:00Z"


@pytest.mark.parametrize(("attempt", "status"), [(0, "FAILED"), (1, "FAILED"), (2, "COMPLETED")])
async def test_fails_as_often_as_asked(attempt: int, status: str) -> None:
    result = await result_of("fail_n_times", {"timesToFail": 2}, attempt=attempt)
    assert result is not None
    assert result.status == status


async def test_hangs_first_then_fails_then_completes() -> None:
    given = {"timesToHang": 1, "timesToFail": 1}

    results = [await result_of("sample_task_name_1", given, attempt=n) for n in range(3)]

    assert [one and str(one.status) for one in results] == [None, "FAILED", "COMPLETED"]


async def test_annuity_pays_the_loan_back() -> None:
    given = {"loantype": "property", "amount": 100_000, "riskPercent": 0.6}

    loan = await output_of("principal_interest_calculation", given)

    left, rate = 100_000.0, loan["yearlyPercent"] / 1200
    for _ in range(loan["months"]):
        left += left * rate - loan["monthlyPayment"]
    assert abs(left) < 10
    assert loan["totalInterest"] == pytest.approx(
        loan["monthlyPayment"] * loan["months"] - 100_000, abs=0.01
    )


async def test_tax_is_rounded_to_cents() -> None:
    given = {"zipCode": "10001", "amount": 120.55}
    assert await output_of("order_sales_tax", given) == {"percent": 10, "tax": 12.06}


async def test_picture_keeps_its_proportions_when_asked() -> None:
    given = {"fileLocation": "a/b.jpg", "outputFormat": "png", "outputWidth": 320}
    sized = await output_of("image_convert_resize", given | {"outputHeight": 900})
    fitted = await output_of(
        "image_convert_resize", given | {"outputHeight": 900, "maintainAspectRatio": True}
    )

    assert (sized["outputWidth"], sized["outputHeight"]) == (320, 900)
    assert (fitted["outputWidth"], fitted["outputHeight"]) == (320, 214)


async def test_fork_is_planned_for_each_format_and_size() -> None:
    sizes = [{"width": 10, "height": 20}, {"width": 30, "height": 40}]
    given = {"fileLocation": "x", "outputFormats": ["jpg", "png"], "outputSizes": sizes}

    plan = await output_of("image_convert_resize_prefork", given)

    refs = [task["taskReferenceName"] for task in plan["dynamicTasks"]]
    assert refs == list(plan["dynamicTasksInput"])
    assert refs[1] == "image_convert_resize_jpg_30x40_1"


async def test_upload_puts_what_it_fetched_into_the_own_corner() -> None:
    wire = Wire()

    given = await output_of("upload_toS3", {"fileLocation": f"{SAMPLES}/img/a.png"}, wire=wire)

    got, put = wire.asked
    assert (got.method, put.method, put.body) == ("GET", "PUT", b"a picture")
    assert put.url == given["fileLocation"]
    assert put.url.startswith(f"{SAMPLES}/bucket/ada-1/")


async def test_upload_that_comes_too_often_goes_back_to_the_queue() -> None:
    given = {"fileLocation": f"{SAMPLES}/img/a.png"}

    result = await result_of("upload_toS3", given, wire=Wire("limited"))

    assert result is not None
    assert (result.status, result.callback_after_seconds) == ("IN_PROGRESS", 2)


async def test_weakest_mark_is_named() -> None:
    marks = {"a": {"what": "sound", "score": 20}, "b": {"what": "light", "score": 81}}
    assert await output_of("video_report", marks) == {"score": 50.5, "weakest": "sound"}


@pytest.mark.parametrize("task_type", sorted(STAND_INS))
@pytest.mark.parametrize(
    "given",
    [
        {},
        dict.fromkeys(("firstNumber", "amount", "timesToFail", "number", "round", "trace"), None),
        {"orderId": "", "customerId": 5, "fileLocation": [], "commit": {}, "outputFormats": "x"},
        {"orderId": "x" * 5_000, "amount": 1e300, "timesToFail": -1, "oddEven": True, "n": 10**30},
        {"outputSizes": [None, {"width": True, "height": "1"}], "outputFormats": [None]},
    ],
    ids=["nothing", "nulls", "wrong types", "too much", "wrong items"],
)
async def test_whatever_comes_in_is_a_result(task_type: str, given: dict[str, Any]) -> None:
    result = await result_of(task_type, given)

    assert result is None or result.status in (
        "COMPLETED",
        "FAILED",
        "FAILED_WITH_TERMINAL_ERROR",
    )
