"""What the search pages share: filters out of a query string, pages of results, the API's words.

Filters become typed clauses. The same search in the words of the API (`ApiSearch`) is what the
page shows as code, so that a script finds what the page found.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from playground.model.search_query import Clause, Operator

PAGE_SIZE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Pager:
    """Counts from 1; links are "" where there is no such page."""

    first: int
    last: int
    total: int
    previous_link: str
    next_link: str


def pager_of(
    fields: Sequence[tuple[str, str]], number: int, shown: int, total: int, size: int = PAGE_SIZE
) -> Pager:
    """`fields` are the filters in force, which each page's link keeps."""
    kept = [(name, value) for name, value in fields if name != "page"]
    first = (number - 1) * size
    more = shown > 0 and first + shown < total
    return Pager(
        first=first + 1 if shown else 0,
        last=first + shown if shown else 0,
        total=total,
        previous_link=f"?{query_string(kept, number - 1)}" if number > 1 else "",
        next_link=f"?{query_string(kept, number + 1)}" if more else "",
    )


def query_string(fields: Sequence[tuple[str, str]], page: int = 1) -> str:
    """The filters that are set, and the page unless it is the first."""
    wanted = [(name, value) for name, value in fields if value]
    return urlencode([*wanted, ("page", str(page))] if page > 1 else wanted)


def text_clause(field: str, text: str) -> Clause:
    """`*` stands for any text."""
    return Clause(field, Operator.LIKE if "*" in text else Operator.EQUAL, (text,))


def ids_of(text: str) -> tuple[str, ...]:
    """Ids as people paste them: between blanks, commas, semicolons, quotes or brackets, or as
    links to this site; each once."""
    found = (part.rstrip("/").rpartition("/")[2] for part in re.split(r"[\s,;\"'\[\]]+", text))
    return tuple(dict.fromkeys(one for one in found if one))


def time_ms(text: str) -> int | None:
    """Epoch milliseconds of a datetime-local value, read as UTC; None where it is none."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def time_clauses(field: str, since: str, until: str) -> list[Clause]:
    """From one datetime-local value until another, where they are set."""
    bounds = ((Operator.AT_LEAST, time_ms(since)), (Operator.AT_MOST, time_ms(until)))
    return [Clause(field, operator, (ms,)) for operator, ms in bounds if ms is not None]


def time_conditions(field: str, since: str, until: str) -> list[str]:
    """The same in the words of the API."""
    bounds = ((">=", time_ms(since)), ("<=", time_ms(until)))
    return [condition(field, operator, [ms]) for operator, ms in bounds if ms is not None]


def condition(field: str, operator: str, values: Iterable[str | int]) -> str:
    """A clause in the words of the API."""
    told = [str(value) if isinstance(value, int) else _quoted(value) for value in values]
    return f"{field} {operator} " + (f"({', '.join(told)})" if operator == "IN" else told[0])


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiSearch:
    """A search as `GET <path>?query=…&freeText=…` finds the same."""

    path: str
    query: str
    free_text: str
    sort: str = "startTime:DESC"
    size: int = PAGE_SIZE

    def parameters(self) -> list[tuple[str, str]]:
        told = [("query", self.query), ("freeText", self.free_text), ("sort", self.sort)]
        return [(name, value) for name, value in told if value] + [("size", str(self.size))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Snippet:
    """One search in one language."""

    id: str
    label: str
    text: str


def snippets(search: ApiSearch, public_url: str) -> tuple[Snippet, ...]:
    """Credentials are the reader's own, in the environment."""
    server_url = f"{public_url}/api"
    return (
        Snippet(id="code-curl", label="curl", text=_curl(search, server_url)),
        Snippet(id="code-python", label="Python", text=_python(search, server_url)),
        Snippet(id="code-javascript", label="JavaScript", text=_javascript(search, server_url)),
    )


def _curl(search: ApiSearch, server_url: str) -> str:
    lines = [
        f"curl -sG '{server_url}{search.path}' -H \"X-Authorization: $CONDUCTOR_TOKEN\"",
        *(f"  --data-urlencode {_shell(f'{name}={value}')}" for name, value in search.parameters()),
    ]
    return " \\\n".join(lines)


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _python(search: ApiSearch, server_url: str) -> str:
    parameters = "".join(f"        {name!r}: {value!r},\n" for name, value in search.parameters())
    return (
        "import os\n\nimport requests\n\n"
        "found = requests.get(\n"
        f"    {server_url + search.path!r},\n"
        '    headers={"X-Authorization": os.environ["CONDUCTOR_TOKEN"]},\n'
        f"    params={{\n{parameters}    }},\n"
        "    timeout=30,\n"
        ").json()\n"
        'for one in found["results"]:\n    print(one)\n'
    )


def _javascript(search: ApiSearch, server_url: str) -> str:
    parameters = "".join(f"  {name}: {_js(value)},\n" for name, value in search.parameters())
    return (
        f"const parameters = new URLSearchParams({{\n{parameters}}});\n"
        f"const answer = await fetch({_js(server_url + search.path + '?')} + parameters, {{\n"
        '  headers: { "X-Authorization": process.env.CONDUCTOR_TOKEN },\n'
        "});\n"
        "const { totalHits, results } = await answer.json();\n"
        "console.log(totalHits, results);\n"
    )


def _js(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
