"""The three partners of an order: each step can be done, refused, and undone.

They remember nothing: the same order gets the same ids, and undoing twice is no different.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.standins.answers import (
    Handler,
    answers_400,
    drawn,
    json_answer,
    json_body,
    text_field,
    whole_number,
)


@dataclass(frozen=True)
class Step:
    path: str
    id_field: str
    prefix: str
    done: str
    undone: str
    refusal: str


STEPS = (
    Step("inventory", "reservationId", "inv", "RESERVED", "RELEASED", "the item is out of stock"),
    Step("payments", "paymentId", "pay", "CAPTURED", "REFUNDED", "the card was declined"),
    Step("shipments", "shipmentId", "shp", "SHIPPED", "RECALLED", "no carrier takes this parcel"),
)


def _do(step: Step) -> Handler:
    @answers_400
    async def do(request: Request) -> Response:
        """`{"orderId": …, "status": n}`: a status from 400 on is answered as a refusal."""
        body = await json_body(request)
        status = _status(request, body)
        order = text_field(body, "orderId", "order-1")
        if status >= 400:
            refused = {"orderId": order, "status": "REFUSED", "message": step.refusal}
            return json_answer(refused, status=status)
        return json_answer(_receipt(step, order, step.done), status=status)

    return do


def _undo(step: Step) -> Handler:
    @answers_400
    async def undo(request: Request) -> Response:
        body = await json_body(request)
        return json_answer(_receipt(step, text_field(body, "orderId", "order-1"), step.undone))

    return undo


def _status(request: Request, body: Mapping[str, Any]) -> int:
    return whole_number(
        request.query_params.get("status", body.get("status", 201)), "status", 200, 599
    )


def _receipt(step: Step, order: str, state: str) -> dict[str, Any]:
    number = drawn(step.path + order, 10**8)
    return {step.id_field: f"{step.prefix}-{number:08}", "orderId": order, "status": state}


routes = [
    route
    for step in STEPS
    for route in (
        Route(f"/{step.path}", _do(step), methods=["POST"]),
        Route(f"/{step.path}/cancel", _undo(step), methods=["POST"]),
    )
]
