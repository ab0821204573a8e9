"""The answer of calls on many things at once: what was done, and what not and why."""

from msgspec import Struct

from playground.model.definitions import JSONObject


class BulkResponse(Struct, frozen=True, kw_only=True, rename="camel"):
    """Each id is in one of the two; a failure of one changes nothing for the others."""

    bulk_error_results: dict[str, str] = {}
    bulk_successful_results: list[str] = []


class BulkFound(Struct, frozen=True, kw_only=True, rename="camel"):
    """The same where what was done is to be shown: executions as objects."""

    bulk_error_results: dict[str, str] = {}
    bulk_successful_results: list[JSONObject] = []
