"""The population of the United States as datausa.io answers it: sample data.

The figures of 2013 and 2022 are the Census Bureau's five-year estimates (table B01003; the
states add up to the nation's published total in both years), and so are the nation's of every
year. The states' figures between are interpolated and scaled to the nation's total.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.standins.answers import HEADERS, BadParameter, answers_400

FIRST_YEAR = 2013
LAST_YEAR = 2022
_NATION = {
    2013: 311_536_594,
    2014: 314_107_084,
    2015: 316_515_021,
    2016: 318_558_162,
    2017: 321_004_407,
    2018: 322_903_030,
    2019: 324_697_795,
    2020: 326_569_308,
    2021: 329_725_481,
    2022: 331_097_593,
}
_KNOWN = {("01", 2020): 4_893_186, ("02", 2020): 736_990}
_PUERTO_RICO = "72"
# FIPS code, name, population in 2013, population in 2022.
_STATES = (
    ("01", "Alabama", 4_799_277, 5_028_092),
    ("02", "Alaska", 720_316, 734_821),
    ("04", "Arizona", 6_479_703, 7_172_282),
    ("05", "Arkansas", 2_933_369, 3_018_669),
    ("06", "California", 37_659_181, 39_356_104),
    ("08", "Colorado", 5_119_329, 5_770_790),
    ("09", "Connecticut", 3_583_561, 3_611_317),
    ("10", "Delaware", 908_446, 993_635),
    ("11", "District of Columbia", 619_371, 670_587),
    ("12", "Florida", 19_091_156, 21_634_529),
    ("13", "Georgia", 9_810_417, 10_722_325),
    ("15", "Hawaii", 1_376_298, 1_450_589),
    ("16", "Idaho", 1_583_364, 1_854_109),
    ("17", "Illinois", 12_848_554, 12_757_634),
    ("18", "Indiana", 6_514_861, 6_784_403),
    ("19", "Iowa", 3_062_553, 3_188_836),
    ("20", "Kansas", 2_868_107, 2_935_922),
    ("21", "Kentucky", 4_361_333, 4_502_935),
    ("22", "Louisiana", 4_567_968, 4_640_546),
    ("23", "Maine", 1_328_320, 1_366_949),
    ("24", "Maryland", 5_834_299, 6_161_707),
    ("25", "Massachusetts", 6_605_058, 6_984_205),
    ("26", "Michigan", 9_886_095, 10_057_921),
    ("27", "Minnesota", 5_347_740, 5_695_292),
    ("28", "Mississippi", 2_976_872, 2_958_846),
    ("29", "Missouri", 6_007_182, 6_154_422),
    ("30", "Montana", 998_554, 1_091_840),
    ("31", "Nebraska", 1_841_625, 1_958_939),
    ("32", "Nevada", 2_730_066, 3_104_817),
    ("33", "New Hampshire", 1_319_171, 1_379_610),
    ("34", "New Jersey", 8_832_406, 9_249_063),
    ("35", "New Mexico", 2_069_706, 2_112_463),
    ("36", "New York", 19_487_053, 19_994_379),
    ("37", "North Carolina", 9_651_380, 10_470_214),
    ("38", "North Dakota", 689_781, 776_874),
    ("39", "Ohio", 11_549_590, 11_774_683),
    ("40", "Oklahoma", 3_785_742, 3_970_497),
    ("41", "Oregon", 3_868_721, 4_229_374),
    ("42", "Pennsylvania", 12_731_381, 12_989_208),
    ("44", "Rhode Island", 1_051_695, 1_094_250),
    ("45", "South Carolina", 4_679_602, 5_142_750),
    ("46", "South Dakota", 825_198, 890_342),
    ("47", "Tennessee", 6_402_387, 6_923_772),
    ("48", "Texas", 25_639_373, 29_243_342),
    ("49", "Utah", 2_813_673, 3_283_809),
    ("50", "Vermont", 625_904, 643_816),
    ("51", "Virginia", 8_100_653, 8_624_511),
    ("53", "Washington", 6_819_579, 7_688_549),
    ("54", "West Virginia", 1_853_619, 1_792_967),
    ("55", "Wisconsin", 5_706_871, 5_882_128),
    ("56", "Wyoming", 570_134, 577_929),
    ("72", "Puerto Rico", 3_682_966, 3_272_382),
)
_SOURCE = [
    {
        "measures": ["Population"],
        "annotations": {
            "source_name": "Census Bureau",
            "source_description": (
                "Sample data of the Playground, after the American Community Survey: 2013 and "
                "2022 as published, years between interpolated. Not for use as statistics."
            ),
            "dataset_name": "ACS 5-year Estimate",
            "dataset_link": "http://www.census.gov/programs-surveys/acs/",
            "table_id": "B01003",
            "topic": "Diversity",
            "subtopic": "Demographics",
        },
        "name": "acs_yg_total_population_5",
        "substitutions": [],
    }
]
_LEVELS = ("State", "Nation")
_CACHED = {**HEADERS, "Cache-Control": "public, max-age=3600"}


@answers_400
async def show(request: Request) -> Response:
    """`?drilldowns=State|Nation&measures=Population&year=latest|2013…2022`; no year is all."""
    level = _one_of(request, "drilldowns", _LEVELS)
    _one_of(request, "measures", ("Population",))
    body, etag = _document(level, _years(request))
    headers = {**_CACHED, "ETag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _one_of(request: Request, name: str, allowed: tuple[str, ...]) -> str:
    value = request.query_params.get(name, "")
    if value not in allowed:
        raise BadParameter(name, f"one of {', '.join(allowed)} is expected")
    return value


def _years(request: Request) -> tuple[int, ...]:
    text = request.query_params.get("year", "all")
    if text == "all":
        return tuple(range(LAST_YEAR, FIRST_YEAR - 1, -1))
    if text == "latest":
        return (LAST_YEAR,)
    years = []
    for part in text.split(",")[: LAST_YEAR - FIRST_YEAR + 1]:
        if not (part.isascii() and part.isdigit()) or int(part[:9]) not in _NATION:
            raise BadParameter(
                "year", f"latest, all, or years from {FIRST_YEAR} to {LAST_YEAR} are expected"
            )
        years.append(int(part))
    return tuple(sorted(set(years), reverse=True))


@cache
def _document(level: str, years: tuple[int, ...]) -> tuple[bytes, str]:
    rows = (_nation_row(year) for year in years) if level == "Nation" else _state_rows(years)
    body = json.dumps({"data": list(rows), "source": _SOURCE}).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _nation_row(year: int) -> dict[str, Any]:
    return {
        "ID Nation": "01000US",
        "Nation": "United States",
        "ID Year": year,
        "Year": str(year),
        "Population": _NATION[year],
        "Slug Nation": "united-states",
    }


def _state_rows(years: Iterable[int]) -> Iterable[dict[str, Any]]:
    for year in years:
        for code, name, population in states(year):
            yield {
                "ID State": f"04000US{code}",
                "State": name,
                "ID Year": year,
                "Year": str(year),
                "Population": population,
                "Slug State": name.lower().replace(" ", "-"),
            }


@cache
def states(year: int) -> tuple[tuple[str, str, int], ...]:
    """FIPS code, name and population of the 50 states, the District of Columbia, Puerto Rico."""
    share = (year - FIRST_YEAR) / (LAST_YEAR - FIRST_YEAR)
    plain = {code: first + (last - first) * share for code, _, first, last in _STATES}
    scale = _NATION[year] / sum(figure for code, figure in plain.items() if code != _PUERTO_RICO)
    return tuple(
        (
            code,
            name,
            _KNOWN.get((code, year)) or round(plain[code] * (code == _PUERTO_RICO or scale)),
        )
        for code, name, _, _ in _STATES
    )


routes = [Route("/api/data", show, methods=["GET"])]
