"""The population stand-in: datausa's shape, and figures that lead to California and Wyoming."""

import pytest
from starlette.testclient import TestClient

from playground.standins.population import states

PATH = "/samples/api/data"
LATEST = PATH + "?drilldowns=State&measures=Population&year=latest"


def test_latest_has_fifty_two_rows_of_the_known_shape(samples: TestClient) -> None:
    answer = samples.get(LATEST)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.json()["data"]) == 52
    assert answer.json()["data"][0] == {
        "ID State": "04000US01",
        "State": "Alabama",
        "ID Year": 2022,
        "Year": "2022",
        "Population": 5_028_092,
        "Slug State": "alabama",
    }


@pytest.mark.parametrize("year", range(2013, 2023))
def test_california_is_largest_and_wyoming_smallest(year: int) -> None:
    rows = sorted(states(year), key=lambda row: row[2])

    assert (rows[0][1], rows[-1][1]) == ("Wyoming", "California")


def test_states_add_up_to_the_published_nation(samples: TestClient) -> None:
    nation = samples.get(PATH + "?drilldowns=Nation&measures=Population").json()["data"]
    total = {row["ID Year"]: row["Population"] for row in nation}

    for year in (2013, 2022):
        assert sum(row[2] for row in states(year) if row[1] != "Puerto Rico") == total[year]


def test_known_figures_of_single_states(samples: TestClient) -> None:
    rows = samples.get(PATH + "?drilldowns=State&measures=Population&year=2020").json()["data"]

    assert [row["Population"] for row in rows[:2]] == [4_893_186, 736_990]


def test_nation_has_a_row_a_year(samples: TestClient) -> None:
    rows = samples.get(PATH + "?drilldowns=Nation&measures=Population").json()["data"]

    assert [row["Year"] for row in rows] == [str(year) for year in range(2022, 2012, -1)]
    assert rows[0]["Nation"] == "United States"


def test_figures_are_labelled_sample_data(samples: TestClient) -> None:
    source = samples.get(LATEST).json()["source"][0]

    assert "Sample data" in source["annotations"]["source_description"]
    assert source["annotations"]["source_name"] == "Census Bureau"


def test_answer_may_be_cached(samples: TestClient) -> None:
    first = samples.get(LATEST)

    again = samples.get(LATEST, headers={"If-None-Match": first.headers["etag"]})

    assert "max-age" in first.headers["cache-control"]
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "drilldowns"),
        ("?drilldowns=County&measures=Population", "drilldowns"),
        ("?drilldowns=State", "measures"),
        ("?drilldowns=State&measures=Income", "measures"),
        ("?drilldowns=State&measures=Population&year=2012", "year"),
        ("?drilldowns=State&measures=Population&year=soon", "year"),
        ("?drilldowns=State&measures=Population&year=", "year"),
        ("?drilldowns=State&measures=Population&year=9999999999999", "year"),
        ("?drilldowns=State&measures=Population&year=%D9%A2", "year"),
    ],
)
def test_bad_parameter_is_named(query: str, parameter: str, samples: TestClient) -> None:
    answer = samples.get(PATH + query)

    assert answer.status_code == 400
    assert answer.json()["parameter"] == parameter
    assert answer.json()["message"]
