"""A post office that answers in XML: addresses and postage, with the original's error form."""

import re
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.standins.answers import FRESH, BadParameter, answers_400, body_bytes

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ZIP = re.compile(r"[0-9]{5}")
# Dollars: of the parcel itself, and per pound and zone.
_SERVICES = {
    "PRIORITY": ("Priority Mail 2-Day", 8.35, 0.25, 0.30),
    "PRIORITY EXPRESS": ("Priority Mail Express 1-Day", 28.75, 0.60, 0.55),
    "GROUND": ("USPS Ground Advantage", 5.25, 0.15, 0.16),
}


@answers_400
async def ask(request: Request) -> Response:
    """An `AddressValidateRequest` or `RateV4Request`, as the body, a form field or `?XML=`."""
    document = await _document(request)
    if "<AddressValidateRequest" in document:
        return _xml(_address(document))
    if "<RateV4Request" in document:
        return _xml(_rate(document))
    raise BadParameter("XML", "an AddressValidateRequest or a RateV4Request is expected")


async def _document(request: Request) -> str:
    if "XML" in request.query_params:
        return request.query_params["XML"]
    body = (await body_bytes(request, 16 * 1024)).decode("utf-8", "replace")
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body, max_num_fields=10).get("XML", [""])[0]
    return body


def _field(document: str, name: str) -> str:
    # A look for plain elements: nothing here expands entities or follows references.
    found = re.search(rf"<{name}>([^<]{{0,100}})</{name}>", document)
    return found.group(1).strip() if found else ""


def _address(document: str) -> str:
    zip_code, state = _field(document, "Zip5"), _field(document, "State")
    street = _field(document, "Address2") or _field(document, "Address1")
    if not street or not (_ZIP.fullmatch(zip_code) or re.fullmatch("[A-Za-z]{2}", state)):
        return _error("AddressValidateResponse", "Address", "Address Not Found.")
    lines = {
        "Address2": street.upper(),
        "City": _field(document, "City").upper(),
        "State": state.upper(),
        "Zip5": zip_code,
        "Zip4": "0001",
    }
    address = f'<Address ID="0">{_elements(lines)}</Address>'
    return f"<AddressValidateResponse>{address}</AddressValidateResponse>"


def _rate(document: str) -> str:
    origin, destination = _field(document, "ZipOrigination"), _field(document, "ZipDestination")
    for who, zip_code in (("sender", origin), ("recipient", destination)):
        if not _ZIP.fullmatch(zip_code):
            return _rate_error(f"Please enter a valid ZIP Code for the {who}.")
    service = _SERVICES.get(_field(document, "Service").upper() or "PRIORITY")
    if service is None:
        return _rate_error("Please enter a valid service.")
    try:
        weight = (
            float(_field(document, "Pounds") or 0) + float(_field(document, "Ounces") or 0) / 16
        )
    except ValueError:
        return _rate_error("Please enter a valid weight.")
    if not 0 < weight <= 70:
        return _rate_error("The package weight must be above 0 and at most 70 pounds.")
    return _priced(document, service, weight, min(8, 1 + abs(int(origin[0]) - int(destination[0]))))


def _priced(
    document: str, service: tuple[str, float, float, float], weight: float, zone: int
) -> str:
    name, base, per_pound, per_zone = service
    package = {
        "ZipOrigination": _field(document, "ZipOrigination"),
        "ZipDestination": _field(document, "ZipDestination"),
        "Pounds": _field(document, "Pounds"),
        "Ounces": _field(document, "Ounces") or "0",
        "Container": _field(document, "Container").upper(),
        "Zone": str(zone),
    }
    postage = {"MailService": name, "Rate": f"{base + weight * (per_pound + per_zone * zone):.2f}"}
    return (
        f'<RateV4Response><Package ID="0">{_elements(package)}'
        f'<Postage CLASSID="1">{_elements(postage)}</Postage></Package></RateV4Response>'
    )


def _rate_error(description: str) -> str:
    return _error("RateV4Response", "Package", description)


def _error(response: str, element: str, description: str) -> str:
    error = {
        "Number": "-2147219401",
        "Source": "stand-in",
        "Description": description,
        "HelpFile": "",
        "HelpContext": "",
    }
    return (
        f'<{response}><{element} ID="0"><Error>{_elements(error)}</Error></{element}></{response}>'
    )


def _elements(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


def _xml(document: str) -> Response:
    return Response(_HEAD + document, media_type="text/xml", headers=FRESH)


routes = [Route("/usps", ask, methods=["GET", "POST"])]
