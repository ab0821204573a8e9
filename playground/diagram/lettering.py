"""How wide words are, and shortening them to the room there is."""

import unicodedata


def text_width(text: str, size: float) -> float:
    """An estimate for a sans-serif face; wide East Asian characters count as one em."""
    return sum(_ems(character) for character in text) * size


def _ems(character: str) -> float:
    if character in _EMS:
        return _EMS[character]
    if character.isascii():
        return 0.68 if character.isupper() else 0.56
    return 1.0 if unicodedata.east_asian_width(character) in "WF" else 0.65


_EMS = dict.fromkeys("fijlrtI|!.,:;'()[]/ ", 0.34) | dict.fromkeys("mwMW@%", 0.88)


def fit(text: str, size: float, room: float) -> str:
    """`text`, shortened with an ellipsis where it is wider than `room`."""
    text = text[:400]
    if text_width(text, size) <= room:
        return text
    kept, ems = [], text_width("…", size)
    for character in text:
        ems += text_width(character, size)
        if ems > room:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


LABEL_ROOM = 150.0


def label_text(label: str) -> str:
    return fit(label or '""', 11, LABEL_ROOM)


def label_width(label: str) -> float:
    return text_width(label_text(label), 11) + 20
