"""Workers of a bank: who the customer is, what the loan is for, what it costs, where it goes."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from playground.executors.stand_ins.contract import (
    Compute,
    Output,
    Refused,
    StandInTask,
    choice,
    count,
    number,
    text,
)
from playground.standins.answers import drawn

# Amount in dollars, months, and the yearly interest in percent before the risk is added.
TERMS: Final = {
    "education": (30_000, 120, Decimal("4.5")),
    "property": (250_000, 240, Decimal("3.9")),
    "business": (80_000, 60, Decimal("6.2")),
}
_NAMES: Final = ("Ada Brown", "Bo Chen", "Cleo Diaz", "Dana Evans", "Emil Fox")
_BEST_SCORE, _WORST_SCORE = 850, 300


def customer(task: StandInTask) -> Output:
    """The customer, and the kind of loan: business when it is none of the others."""
    identity = text(task, "customerId")
    wanted = text(task, "loanType", "business")
    return {
        "customerId": identity,
        "name": _NAMES[drawn(identity, len(_NAMES))],
        "loantype": wanted if wanted in TERMS else "business",
    }


def _details(kind: str) -> Compute:
    def details(task: StandInTask) -> Output:
        """How much for how long, by the kind of loan; the customer may ask for less."""
        most, months, _ = TERMS[kind]
        amount = min(number(task, "amount", most), most)
        return {"loantype": kind, "amount": amount, "months": months}

    return details


def _verification(papers: str) -> Compute:
    def verify(task: StandInTask) -> Output:
        reference = drawn(papers + text(task, "customerId"), 10**6)
        return {"verified": True, "papers": papers, "reference": f"{reference:06}"}

    return verify


def credit_score(task: StandInTask) -> Output:
    """The score, from the input or the customer's own, and the risk in percent of interest."""
    own = _WORST_SCORE + drawn(text(task, "customerId"), _BEST_SCORE - _WORST_SCORE + 1)
    score = count(task, "creditScore", own, _BEST_SCORE)
    risk = Decimal(_BEST_SCORE - score) / 100
    return {"creditScore": score, "riskPercent": float(round(risk, 2))}


def interest(task: StandInTask) -> Output:
    """Monthly payment of an annuity loan, and what the interest sums up to."""
    kind = choice(task, "loantype", tuple(TERMS))
    most, months, percent = TERMS[kind]
    amount = Decimal(str(number(task, "amount", most)))
    if amount <= 0:
        raise Refused("amount: more than 0 is expected", terminal=True)
    yearly = percent + Decimal(str(number(task, "riskPercent", 0)))
    rate = yearly / 1200
    monthly = _cents(amount * rate / (1 - (1 + rate) ** -months)) if rate else amount / months
    return {
        "principal": float(amount),
        "months": months,
        "yearlyPercent": float(yearly),
        "monthlyPayment": float(monthly),
        "totalInterest": float(_cents(monthly * months - amount)),
    }


def offer(task: StandInTask) -> Output:
    """The customer's answer: the input says it, as if they had been asked."""
    return {
        "decision": "yes" if text(task, "decision", "no") == "yes" else "no",
        "monthlyPayment": number(task, "monthlyPayment"),
    }


def transfer(task: StandInTask) -> Output:
    identity = text(task, "customerId")
    return {
        "transferred": number(task, "amount"),
        "account": f"{drawn('account' + identity, 10**10):010}",
    }


def _cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


STAND_INS: Final[Mapping[str, Compute]] = {
    "customer_details": customer,
    "education_details": _details("education"),
    "education_details_verification": _verification("diploma"),
    "property_details": _details("property"),
    "property_details_verification": _verification("land register"),
    "business_details": _details("business"),
    "business_details_verification": _verification("balance sheet"),
    "credit_score_risk": credit_score,
    "principal_interest_calculation": interest,
    "loan_offered_to_customer": offer,
    "loan_transfer_to_customer_account": transfer,
}
