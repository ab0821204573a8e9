"""The signs of buttons, navigation and notices: name → the path of a 24 × 24 drawing in lines."""

from functools import cache
from typing import Final

from markupsafe import Markup

ICONS: Final = {
    "home": "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
    "executions": "M4 6h16M4 12h16M4 18h10M18 16l3 2-3 2z",
    "definitions": "M9 4h6v5H9zM4 15h6v5H4zM14 15h6v5h-6zM12 9v3M7 15v-3h10v3",
    "run": "M7 5l12 7-12 7z",
    "key": "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8M11 12.5L19 4.5M15.5 8l3 3M18 5.5l2.5 2.5",
    "book": "M5 4.5A2 2 0 0 1 7 3h12v15H7a2 2 0 0 0-2 2zM5 20a2 2 0 0 0 2 1h12v-3",
    "feedback": "M4 5h16v11H10l-5 4v-4H4z",
    "inbox": "M4 13l3-8h10l3 8v6H4zM4 13h5l1.5 2.5h3L15 13h5",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "search": "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l4.5 4.5",
    "copy": "M9 9h10v11H9zM5 15V4h10",
    "stop": "M6 6h12v12H6z",
    "download": "M12 4v11M7 11l5 5 5-5M5 20h14",
    "pause": "M8 5v14M16 5v14",
    "retry": "M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4.500 4v4.500H9",
    "down": "M6 9.500l6 6 6-6",
    "code": "M8 8l-4 4 4 4M16 8l4 4-4 4M13.5 5l-3 14",
    "columns": "M4 5h16v14H4zM10 5v14M15 5v14",
    "plus": "M12 5v14M5 12h14",
    "undo": "M8 5L4 9l4 4M4.500 9h9.500a5.500 5.500 0 0 1 0 11h-4",
    "redo": "M16 5l4 4-4 4M19.500 9h-9.500a5.500 5.500 0 0 0 0 11h4",
    "keyboard": "M3 6h18v12H3zM7 10v.2M11 10v.2M15 10v.2M18 10v.2M8 14h8",
    "minus": "M5 12h14",
    "left": "M14.5 6l-6 6 6 6",
    "right": "M9.5 6l6 6-6 6",
    "target": ("M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14M12 2.500v5M12 16.500v5M2.500 12h5M16.500 12h5"),
    "picture": "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M8.500 9h.01",
    "share": "M12 15V4M8 7.500l4-4 4 4M6 12H5v8h14v-8h-1",
    "fit": "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
    "close": "M6 6l12 12M18 6L6 18",
    "info": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v5.5M12 7.5v.2",
    "warn": "M12 4l9 16H3zM12 10v5M12 17.5v.2",
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "clock": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5.5l3.5 2",
    "bolt": "M13 3L5 14h6l-1 7 8-11h-6z",
    "lock": "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
    "settings": "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
    "hook": "M8 4v8a4 4 0 0 0 8 0V9M16 9l-2.5 2.5M16 9l2.5 2.5M8 4H5M8 4h3",
    "shape": (
        "M8 4H6a2 2 0 0 0-2 2v3l-1 3 1 3v3a2 2 0 0 0 2 2h2"
        "M16 4h2a2 2 0 0 1 2 2v3l1 3-1 3v3a2 2 0 0 1-2 2h-2"
    ),
    "person": (
        "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.5 20c.8-3.6 3.8-5.5 7.5-5.5s6.700 1.900 7.500 5.500"
    ),
    "trash": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    "leave": "M14 4h5v16h-5M4 12h10M10 8l4 4-4 4",
    "more": "M5 12h.01M12 12h.01M19 12h.01",
    "edit": "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
    "save": "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
    "clone": "M8 8h12v12H8zM4 16V4h12",
    "upload": "M12 16V5M7 9l5-5 5 5M5 20h14",
    "tag": "M4 4h8l8 8-8 8-8-8zM8 8h.01",
    "history": "M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4M12 8v4.5l3 2",
    "sun": (
        "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2"
        "M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"
    ),
    "moon": "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5",
    "screen": "M4 5h16v11H4zM9 20h6M12 16v4",
    "worker": "M14.7 6.3a4 4 0 0 0-5.4 5L4 16.6V20h3.4l5.3-5.3a4 4 0 0 0 5-5.4L15 12l-3-3z",
}


@cache
def icon(name: str) -> Markup:
    """The sign with that name, as large as the text around it; raises `KeyError`."""
    return Markup(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>'
    ).format(ICONS[name])
