"""Workers of a small shop: payment, tax, warehouse, carriers, the letter to the customer."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from playground.executors.stand_ins.contract import (
    Compute,
    Output,
    Refused,
    StandInTask,
    number,
    text,
)
from playground.standins.answers import drawn

CARD_LIMIT: Final = 10_000
# By the first digit of a ZIP code, in percent.
_TAX: Final = {"0": 6, "1": 10, "2": 7, "3": 7, "4": 6, "5": 5, "6": 8, "7": 8, "8": 4, "9": 9}


def charge(task: StandInTask) -> Output:
    """Takes the money; a card does not give more than `CARD_LIMIT`."""
    order, amount = text(task, "orderId"), number(task, "amount")
    if amount <= 0:
        raise Refused("amount: more than 0 is expected", terminal=True)
    if amount > CARD_LIMIT:
        raise Refused(f"The card was declined: {amount} is above {CARD_LIMIT}", terminal=True)
    return {"paymentId": f"pay-{drawn('pay' + order, 10**8):08}", "charged": amount}


def sales_tax(task: StandInTask) -> Output:
    """Tax on the amount by the first digit of the ZIP code, rounded to cents."""
    zip_code, amount = text(task, "zipCode"), number(task, "amount")
    percent = _TAX.get(zip_code[:1])
    if percent is None:
        raise Refused("zipCode: digits are expected", terminal=True)
    tax = (Decimal(str(amount)) * percent / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {"percent": percent, "tax": float(tax)}


def pick(task: StandInTask) -> Output:
    order = text(task, "orderId")
    aisle, shelf = drawn("aisle" + order, 20) + 1, drawn("shelf" + order, 9) + 1
    return {"picked": True, "from": f"aisle {aisle}, shelf {shelf}"}


def pack(task: StandInTask) -> Output:
    order = text(task, "orderId")
    return {"packed": True, "parcelId": f"parcel-{drawn('parcel' + order, 10**6):06}"}


def update_crm(task: StandInTask) -> Output:
    return {"updated": True, "note": f"Order {text(task, 'orderId')} left with the carrier"}


def send_mail(task: StandInTask) -> Output:
    """No mail leaves the playground: the output is the letter."""
    order, tracking = text(task, "orderId"), text(task, "trackingNumber")
    return {"emailed": True, "subject": f"Your order {order} is on its way: {tracking}"}


def _carrier(name: str) -> Compute:
    def ship(task: StandInTask) -> Output:
        """A tracking number that follows from the order."""
        seed = name + text(task, "orderId", "order-1")
        first, second = drawn(seed, 10**8), drawn(seed + "2", 10**8)
        return {"carrier": name, "trackingNumber": f"{first:08} {second:08}"}

    return ship


STAND_INS: Final[Mapping[str, Compute]] = {
    "ship_via_fedex": _carrier("fedex"),
    "ship_via_ups": _carrier("ups"),
    "ship_via_dhl": _carrier("dhl"),
    "order_charge_payment": charge,
    "order_sales_tax": sales_tax,
    "order_pick_items": pick,
    "order_pack_items": pack,
    "order_update_crm": update_crm,
    "order_send_mail": send_mail,
}
