"""A diagram as a file of its own: the picture with its colours inside, readable without our pages.

Always light, because it will stand on paper, in an issue or on a slide.
"""

from typing import Final

_STATUS_COLOURS: Final = {
    "COMPLETED": ("#17752f", "#def5e4"),
    "COMPLETED_WITH_ERRORS": ("#8a5300", "#fdeccd"),
    "IN_PROGRESS": ("#0a62c4", "#dceeff"),
    "SCHEDULED": ("#5a4bb0", "#ebe8fd"),
    "SKIPPED": ("#6b5a00", "#f7efc4"),
    "CANCELED": ("#7a3a6d", "#f8e6f4"),
    "FAILED": ("#b81f25", "#fde5e5"),
    "FAILED_WITH_TERMINAL_ERROR": ("#b81f25", "#fde5e5"),
    "TIMED_OUT": ("#b81f25", "#fde5e5"),
}

_STYLE: Final = (
    "svg{background:#fff;font-family:system-ui,sans-serif;color:#18202b}"
    "text{fill:#18202b;font-size:11px}"
    ".name{font-size:13px;font-weight:600}.name.middle{font-size:12.5px}"
    ".ref{fill:#566072;font-family:monospace}.type{fill:#566072;font-size:10px}"
    ".word{font-weight:600;text-anchor:end}.middle,.hint,.bar-name,.case text,.terminal text,"
    ".turn text,.more,text.attempts{text-anchor:middle}"
    ".plate,.head{fill:#fff;stroke:#7f8896}.placeholder .plate{fill:none;stroke-dasharray:6 4}"
    ".icon{fill:none;stroke:#3355d8;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}"
    ".bar{fill:#2d3644}.bar-name,.bar-pages{fill:#fff;font-size:12px;font-weight:600}"
    ".bar-pages{text-anchor:end}.switch .plate{fill:#fff8e8;stroke:#9a7a24}"
    ".ground{fill:#eef3fa;stroke:#6d86a8;stroke-width:1.5}.ground.loop{stroke-dasharray:7 5}"
    ".terminal circle{fill:#fff;stroke:#5f8ea0;stroke-width:3}.terminal text{fill:#566072}"
    ".merge{fill:#fff;stroke:#7f8896}.edge{fill:none;stroke:#7f8896;stroke-width:1.4}"
    ".edge.dashed,.edge.back{stroke-dasharray:4 5}.tip{fill:#7f8896}"
    ".edge.executed{stroke:#17752f;stroke-width:2.4}.tip.executed{fill:#17752f}"
    ".case rect{fill:#e1f1ff;stroke:#9cc7ea}.case.taken rect{fill:#def5e4;stroke:#17752f}"
    ".sign{fill:none;stroke:#fff;stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}"
    "circle.attempts{fill:#fff;stroke:#566072}.turn rect{fill:#fff;stroke:#7f8896}"
    ".turn[aria-current] rect{stroke-width:2.5}.tool{display:none}"
)


def standalone(svg: str) -> str:
    """What `draw` wrote, as the content of an .svg file."""
    statuses = "".join(
        f'[data-status="{status}"]>.plate,[data-status="{status}"]>.head,'
        f'.turn[data-status="{status}"] rect{{fill:{soft};stroke:{line};stroke-width:2}}'
        f'[data-status="{status}"] .word{{fill:{line}}}'
        f'[data-status="{status}"] .sign{{color:{line}}}'
        for status, (line, soft) in _STATUS_COLOURS.items()
    )
    head, _, rest = svg.partition(">")
    return f"{head}><style>{_STYLE}{statuses}</style>{rest}"
