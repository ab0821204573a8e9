"""The other stand-ins: what each answers, that it is the same again, and what it refuses."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from playground.standins.bucket import MAX_NAMESPACE_BYTES, MAX_OBJECTS, Bucket

# ---- random, flaky, echo


def test_random_is_the_same_for_the_same_seed(samples: TestClient) -> None:
    first, again, other = (
        samples.get(f"/samples/random?seed={seed}").json() for seed in ("a", "a", "b")
    )

    assert first == again != other
    assert set(first) == {"hostName", "apiRandomDelay", "randomInt", "randomString"}
    assert first["apiRandomDelay"].endswith(" ms")


def test_flaky_fails_always_never_or_by_seed(samples: TestClient) -> None:
    assert samples.get("/samples/flaky?rate=1").status_code == 503
    assert samples.get("/samples/flaky?rate=0").status_code == 200
    codes = [samples.get(f"/samples/flaky?rate=0.3&seed={n}").status_code for n in range(200)]
    assert 30 < codes.count(503) < 90


@pytest.mark.parametrize("query", ["rate=2", "rate=-1", "rate=x", "delay=99", "rate=nan"])
def test_flaky_refuses_nonsense(query: str, samples: TestClient) -> None:
    answer = samples.get(f"/samples/flaky?{query}")

    assert answer.status_code == 400
    assert answer.json()["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_echo_repeats_the_request(method: str, samples: TestClient) -> None:
    answer = samples.request(
        method, "/samples/echo?a=1", json={"b": [2]}, headers={"Authorization": "Bearer secret"}
    )

    assert answer.json()["method"] == method
    assert answer.json()["query"] == {"a": "1"}
    assert answer.json()["body"] == {"b": [2]}
    assert answer.json()["headers"]["authorization"] == "***"
    assert "secret" not in answer.text


def test_echo_answers_with_the_status_asked_for(samples: TestClient) -> None:
    assert samples.get("/samples/echo?status=404").status_code == 404
    assert samples.get("/samples/echo?status=204").status_code == 204
    assert samples.get("/samples/echo?status=99").status_code == 400
    assert samples.get("/samples/echo?status=ok").status_code == 400


def test_echo_is_never_a_page(samples: TestClient) -> None:
    answer = samples.post("/samples/echo", content=b"<script>alert(1)</script>")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[" * 200_000, b'{"a": NaN}', b'"\\ud800"', b""])
def test_echo_takes_any_body(body: bytes, samples: TestClient) -> None:
    assert samples.post("/samples/echo", content=body).status_code == 200


def test_echo_refuses_a_large_body(samples: TestClient) -> None:
    assert samples.post("/samples/echo", content=b"x" * 300_000).status_code == 400


# ---- jobs


def test_job_is_done_after_its_looks(samples: TestClient) -> None:
    job = samples.post("/samples/jobs", json={"dataset": "small"}).json()["id"]

    states = [samples.get(f"/samples/jobs/{job}").json()["state"] for _ in range(5)]

    assert states == ["PENDING"] * 3 + ["DONE"] * 2


def test_two_jobs_are_counted_apart(samples: TestClient) -> None:
    first = samples.post("/samples/jobs", json={"pendingLooks": 1}).json()["id"]
    other = samples.post("/samples/jobs", json={"pendingLooks": 1}).json()["id"]
    samples.get(f"/samples/jobs/{first}")

    assert samples.get(f"/samples/jobs/{first}").json()["state"] == "DONE"
    assert samples.get(f"/samples/jobs/{other}").json()["state"] == "PENDING"


def test_look_can_be_named(samples: TestClient) -> None:
    assert samples.get("/samples/jobs/job-3-abc?look=3").json()["state"] == "PENDING"
    assert samples.get("/samples/jobs/job-3-abc?look=4").json()["state"] == "DONE"


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"dataset": "huge"}, "dataset"),
        ({"dataset": [1]}, "dataset"),
        ({"pendingLooks": -1}, "pendingLooks"),
        ({"pendingLooks": "x"}, "pendingLooks"),
        ({"pendingLooks": True}, "pendingLooks"),
        ([], "body"),
    ],
)
def test_job_refuses_nonsense(body: Any, parameter: str, samples: TestClient) -> None:
    answer = samples.post("/samples/jobs", json=body)

    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


def test_unknown_job_is_not_there(samples: TestClient) -> None:
    assert samples.get("/samples/jobs/nothing").status_code == 404


# ---- saga


@pytest.mark.parametrize("step", ["inventory", "payments", "shipments"])
def test_step_is_done_and_undone_alike_each_time(step: str, samples: TestClient) -> None:
    done = [samples.post(f"/samples/{step}", json={"orderId": "o-1"}) for _ in range(2)]
    undone = samples.post(f"/samples/{step}/cancel", json={"orderId": "o-1"})

    assert [answer.status_code for answer in done] == [201, 201]
    assert done[0].json() == done[1].json()
    assert undone.status_code == 200
    assert undone.json()["orderId"] == "o-1"


def test_step_is_refused_with_the_status_asked_for(samples: TestClient) -> None:
    answer = samples.post("/samples/shipments", json={"orderId": "o-1", "status": 409})

    assert answer.status_code == 409
    assert answer.json()["status"] == "REFUSED"


@pytest.mark.parametrize("status", [0, 199, 600, "x", None, [1]])
def test_step_refuses_a_status_that_is_none(status: Any, samples: TestClient) -> None:
    assert samples.post("/samples/payments", json={"status": status}).status_code == 400


# ---- usps

RATE = (
    "<RateV4Request><Package><Service>{service}</Service><ZipOrigination>04046</ZipOrigination>"
    "<ZipDestination>98260</ZipDestination><Pounds>{pounds}</Pounds><Ounces>0</Ounces>"
    "<Container>VARIABLE</Container></Package></RateV4Request>"
)


def test_postage_of_the_sample_parcel(samples: TestClient) -> None:
    answer = samples.post("/samples/usps", content=RATE.format(service="PRIORITY", pounds=20))

    assert answer.headers["content-type"].startswith("text/xml")
    assert "<Rate>61.35</Rate>" in answer.text


@pytest.mark.parametrize(("service", "pounds"), [("PIGEON", 1), ("PRIORITY", 99), ("GROUND", "x")])
def test_postage_error_has_the_original_form(
    service: str, pounds: Any, samples: TestClient
) -> None:
    answer = samples.post("/samples/usps", content=RATE.format(service=service, pounds=pounds))

    assert answer.status_code == 200
    assert "<Error><Number>" in answer.text


def test_address_is_found_or_not(samples: TestClient) -> None:
    known = (
        "<AddressValidateRequest><Address><Address2>1 Main &lt;St</Address2><State>me</State>"
        "<Zip5>04046</Zip5></Address></AddressValidateRequest>"
    )

    assert "1 MAIN" in samples.get("/samples/usps", params={"XML": known}).text
    unknown = samples.post("/samples/usps", content="<AddressValidateRequest/>")
    assert "Address Not Found." in unknown.text


def test_something_else_than_a_request_is_refused(samples: TestClient) -> None:
    assert samples.post("/samples/usps", content="<x/>").json()["parameter"] == "XML"


# ---- pictures and bucket


@pytest.mark.parametrize(
    ("name", "start"), [("png", b"\x89PNG"), ("jpg", b"\xff\xd8\xff"), ("webp", b"RIFF")]
)
def test_picture_is_of_its_kind(name: str, start: bytes, samples: TestClient) -> None:
    answer = samples.get(f"/samples/img/sample.{name}")

    assert answer.content.startswith(start)
    assert answer.headers["content-type"].startswith("image/")


def test_unknown_picture_is_not_there(samples: TestClient) -> None:
    assert samples.get("/samples/img/passwd").status_code == 404
    assert samples.get("/samples/img/..%2f__init__.py").status_code == 404


def test_bucket_keeps_what_was_put(samples: TestClient) -> None:
    put = samples.put(
        "/samples/bucket/ada/a.png", content=b"pixels", headers={"Content-Type": "image/png"}
    )
    got = samples.get("/samples/bucket/ada/a.png")

    assert put.status_code == 201
    assert put.json()["fileLocation"] == "http://samples.example/samples/bucket/ada/a.png"
    assert (got.content, got.headers["content-type"]) == (b"pixels", "image/png")
    assert got.headers["content-disposition"].startswith("attachment")
    assert samples.delete("/samples/bucket/ada/a.png").status_code == 204
    assert samples.get("/samples/bucket/ada/a.png").status_code == 404


def test_bucket_serves_no_pages(samples: TestClient) -> None:
    samples.put(
        "/samples/bucket/eve/x.html", content=b"<script>", headers={"Content-Type": "text/html"}
    )

    got = samples.get("/samples/bucket/eve/x.html")

    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("path", ["UPPER/a", "a/.hidden", "a/b%20c", "a/" + "x" * 201])
def test_bucket_refuses_odd_names(path: str, samples: TestClient) -> None:
    assert samples.put(f"/samples/bucket/{path}", content=b"").status_code == 400


def test_bucket_refuses_large_objects(samples: TestClient) -> None:
    assert samples.put("/samples/bucket/ada/big", content=b"x" * 1_048_577).status_code == 400


def test_bucket_forgets_the_oldest_of_a_full_namespace() -> None:
    bucket = Bucket()
    for number in range(MAX_OBJECTS + 1):
        bucket.put("ada", str(number), b"x", "text/plain")
    bucket.put("bob", "a", b"x", "text/plain")

    assert bucket.get("ada", "0") is None
    assert bucket.get("ada", "1") is not None

    for number in range(10):
        bucket.put("ada", f"big-{number}", b"x" * (MAX_NAMESPACE_BYTES // 8), "text/plain")
    assert bucket.get("ada", "big-1") is None
    assert bucket.get("ada", "big-9") is not None
    assert bucket.get("bob", "a") is not None


def test_bucket_forgets_after_an_hour() -> None:
    now = [0.0]
    bucket = Bucket(lambda: now[0])
    bucket.put("ada", "a", b"x", "text/plain")

    now[0] = 3601

    assert bucket.get("ada", "a") is None
