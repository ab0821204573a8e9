"""Writes a layout as SVG text: classes and attributes only, no style and no script.

The page's Content-Security-Policy forbids inline style also inside SVG, so every colour comes
from the stylesheet by class and `data-status`. Each task is a link (`?task=<reference>`) that the
keyboard reaches, with a `<title>` that says in words what the picture shows.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote

from playground.diagram.blocks import (
    CARD_HEIGHT,
    CARD_WIDTH,
    FRAME_HEAD,
    LABEL_HEIGHT,
    ODD,
    STRIP_HEIGHT,
    UNDRAWABLE,
    Mark,
    Shape,
)
from playground.diagram.icons import STATUS_ICONS, TASK_ICONS, icon_of, word_of
from playground.diagram.layout import Edge, Insert, Label, Layout, Node, Point
from playground.diagram.lettering import fit, text_width
from playground.diagram.state import Turn

BEND = 10.0
LONGEST_DESCRIPTION = 4_000
_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}
_ESCAPES |= dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, 65534, 65535), "�")


def escape(text: str) -> str:
    """`text` for SVG content or a quoted attribute; characters XML forbids become U+FFFD."""
    return text.translate(_ESCAPES).encode("utf-8", "replace").decode()


class Links(Protocol):
    """Where the parts of a diagram lead; "" where a part leads nowhere."""

    def task(self, mark: Mark) -> str: ...

    def turn(self, mark: Mark, number: int) -> str:
        """To the iteration of that number of a loop."""

    def unfold(self, mark: Mark, page: int) -> str:
        """To the diagram with the inside of a node shown, a fork's from that page on; 0 folds."""

    def child(self, mark: Mark) -> str:
        """To the page of the execution that a SUB_WORKFLOW started."""

    def row(self, row: int) -> str:
        """To the part of a long series that begins there."""


class TaskLinks:
    """Only tasks lead somewhere: to `prefix` and the quoted reference."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def task(self, mark: Mark) -> str:
        return self._prefix + quote(mark.state.ref or mark.ref, safe="", errors="replace")

    def turn(self, mark: Mark, number: int) -> str:
        return ""

    def unfold(self, mark: Mark, page: int) -> str:
        return ""

    def child(self, mark: Mark) -> str:
        return ""

    def row(self, row: int) -> str:
        return ""


def draw(
    layout: Layout,
    *,
    link: str = "?task=",
    selected: str = "",
    links: Links | None = None,
    insert_link: str = "",
    description: str = "",
) -> str:
    """The diagram as one `<svg>` element; a task's link is `link` and its quoted reference,
    unless there are `links`.

    `selected` is the reference of the task that is open beside the diagram, in a loop as recorded.
    With `insert_link` there is a link "+" on every edge: `insert_link` and the quoted place.
    `description` is the picture in words, for those who do not see it.
    """
    inserts = layout.inserts if insert_link else []
    plus = "".join(_insert(one, insert_link) for one in inserts)
    return "".join(_document(layout, links or TaskLinks(link), selected, plus, description))


def draw_thumbnail(layout: Layout) -> str:
    """The same shapes without words, for a gallery card: decoration, hidden from readers."""
    return "".join(_thumbnail(layout))


def node_id(ref: str) -> str:
    """The element id of a task; the reference itself wherever that is a plain name."""
    return "t-" + quote(ref, safe="", errors="replace")


def _document(
    layout: Layout, links: Links, selected: str, plus: str, description: str
) -> Iterator[str]:
    kind = "execution" if layout.is_execution else "definition"
    size = f"{_number(layout.width)} {_number(layout.height)}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram {kind}" role="group" '
        f'aria-label="{escape(f"Diagram of {layout.name}"[:200])}" viewBox="0 0 {size}" '
        f'width="{_number(layout.width)}" height="{_number(layout.height)}">'
    )
    if description:
        yield f"<desc>{escape(description[:LONGEST_DESCRIPTION])}</desc>"
    yield _symbols(layout)
    yield from (_frame_ground(node) for node in layout.nodes if node.is_frame)
    yield from _edges(layout.edges)
    yield from (_label(label) for label in layout.labels)
    taken: set[str] = set()
    for node in layout.nodes:
        yield _drawn(node, links, selected, taken)
    yield plus + "</svg>"


def _symbols(layout: Layout) -> str:
    """The icons this picture uses; all statuses, because a live page switches between them."""
    icons = {icon_of(node.mark.type) for node in layout.nodes if node.mark.type}
    parts = [f'<rect id="plate" width="{CARD_WIDTH:.0f}" height="{CARD_HEIGHT:.0f}" rx="10"/>']
    parts += [f'<path id="i-{name}" d="{TASK_ICONS[name]}"/>' for name in sorted(icons)]
    if layout.is_execution:
        parts += [_sign(status, path) for status, path in STATUS_ICONS.items()]
    return f"<defs>{''.join(parts)}</defs>"


def _sign(status: str, path: str) -> str:
    moving = ' class="moving"' if status in ("IN_PROGRESS", "RUNNING") else ""
    return (
        f'<g id="s-{status}"><circle cx="12" cy="12" r="11" fill="currentColor" stroke="none"/>'
        f'<path{moving} d="{path}"/></g>'
    )


def _drawn(node: Node, links: Links, selected: str, taken: set[str]) -> str:
    """The node with its controls; what cannot be drawn as what it is, is a card that says so."""
    try:
        return _node(node, links, selected, taken) + "".join(_controls(node, links))
    except ODD:
        mark = replace(node.mark, shape=Shape.CARD, detail=UNDRAWABLE, pages=None, turns=())
        mark = replace(mark, name=str(mark.name), ref=str(mark.ref), type=str(mark.type))
        return _node(replace(node, mark=mark), links, selected, taken)


def _node(node: Node, links: Links, selected: str, taken: set[str]) -> str:
    mark = node.mark
    if mark.shape in (Shape.START, Shape.END):
        return _terminal(node)
    if mark.shape == Shape.MERGE:
        return f'<circle class="merge" cx="{_x(node)}" cy="{_number(node.y + 6)}" r="5"/>'
    inside = f"<title>{escape(_title(mark))}</title>{_BODIES[_body_of(node)](node)}"
    place = f'transform="translate({_number(node.x)},{_number(node.y)})"'
    classes = f"node {mark.shape}" + (" frame" if node.is_frame else "")
    classes += " odd" if mark.detail == UNDRAWABLE else ""
    status = f' data-status="{escape(mark.state.status or "PENDING")}"'
    target = _target(mark, links)
    if not target:
        return f'<g class="{classes}"{status} {place}>{inside}</g>'
    current = ' aria-current="true"' if selected and selected in _names(mark) else ""
    # What a live page says of a task is about its newest turn, and about this execution; what it
    # says of a fork is not about the tasks that are folded behind it.
    named = "data-stack" if mark.shape == Shape.STACK else "data-ref"
    live = "" if mark.is_past or mark.owner else f'{named}="{escape(mark.ref)}"'
    identifier = _unique(node_id(f"{mark.owner}/{mark.ref}" if mark.owner else mark.ref), taken)
    return (
        f'<a id="{identifier}" class="{classes}" {live}{status}{current} '
        f'href="{escape(target)}" {place}>{inside}</a>'
    )


def _target(mark: Mark, links: Links) -> str:
    if mark.row is not None:
        return links.row(mark.row)
    if not mark.ref or mark.foreign:
        return ""
    if mark.shape == Shape.STACK:
        return links.unfold(mark, 1) or links.task(mark)
    return links.task(mark)


def _names(mark: Mark) -> tuple[str, ...]:
    if mark.owner or mark.shape == Shape.STACK:
        return ()
    return (mark.state.ref,) if mark.state.ref else (mark.ref,)


def _controls(node: Node, links: Links) -> Iterator[str]:
    """What a node offers beside being opened: its iterations, its inside, its pages."""
    mark = node.mark
    if mark.turns:
        yield from _strip(node, links)
    if mark.pages is not None:
        yield from _pages(node, links)
    if mark.unfolds and mark.shape != Shape.STACK:
        yield from _inside(node, links)


TURN_WIDTH, TURN_GAP = 30.0, 4.0


def _strip(node: Node, links: Links) -> Iterator[str]:
    """The iterations of a loop in a row, as many as fit around the one that is shown."""
    mark = node.mark
    room = int((node.width - 24) // (TURN_WIDTH + TURN_GAP))
    top = node.y + FRAME_HEAD + (STRIP_HEIGHT - 24) / 2
    left = node.x + 16
    for turn in _around(mark.turns, mark.turn, max(room, 3)):
        x, left = left, left + TURN_WIDTH + TURN_GAP
        if turn is None:
            middle = _number(x + TURN_WIDTH / 2)
            yield f'<text class="more" x="{middle}" y="{_number(top + 16)}">…</text>'
            continue
        current = ' aria-current="true"' if turn.number == mark.turn else ""
        words = f"Iteration {turn.number}: {word_of(turn.status)}"
        inside = (
            f"<title>{escape(words)}</title>"
            f'<rect width="{TURN_WIDTH:g}" height="24" rx="12"/>'
            f'<text x="{TURN_WIDTH / 2:g}" y="16">{turn.number}</text>'
        )
        yield _control("turn", links.turn(mark, turn.number), x, top, inside, turn.status, current)


def _around(turns: tuple[Turn, ...], shown: int, room: int) -> list[Turn | None]:
    """At most `room` of the turns: the first, the last and those around `shown`; None is a gap."""
    if len(turns) <= room:
        return list(turns)
    at = next((at for at, turn in enumerate(turns) if turn.number >= shown), len(turns) - 1)
    width = max(1, room - 4)
    begin = max(1, min(at - width // 2, len(turns) - 1 - width))
    middle: list[Turn | None] = list(turns[begin : begin + width])
    before: list[Turn | None] = [turns[0]] if begin == 1 else [turns[0], None]
    reached = begin + width
    after: list[Turn | None] = [turns[-1]] if reached >= len(turns) - 1 else [None, turns[-1]]
    return [*before, *middle, *after]


def _pages(node: Node, links: Links) -> Iterator[str]:
    """On the bar of an unfolded fork: which of its children are shown, the others, and folding."""
    mark = node.mark
    pages = mark.pages
    assert pages is not None
    right, top = node.x + node.width - 12, node.y + 5
    yield _sign_control(
        links.unfold(mark, 0), right - 24, top, "M7 12h10", "Fold the parallel tasks"
    )
    if pages.last < pages.total:
        yield _sign_control(
            links.unfold(mark, pages.page + 1), right - 54, top, "M10 7l5 5-5 5", "Next"
        )
    if pages.page > 1:
        yield _sign_control(
            links.unfold(mark, pages.page - 1), right - 84, top, "M14 7l-5 5 5 5", "Previous"
        )
    words = f"{pages.first:,}–{pages.last:,} of {pages.total:,}"
    place = f'x="{_number(right - 94)}" y="{_number(top + 16)}"'
    yield f'<text class="bar-pages" {place}>{words}</text>'


def _inside(node: Node, links: Links) -> Iterator[str]:
    """The child of a SUB_WORKFLOW: its diagram here, and its own page."""
    mark = node.mark
    right, top = node.x + node.width - 12, node.y + 10
    folded = not node.is_frame
    words = "Show the child's diagram here" if folded else "Hide the child's diagram"
    path = "M12 7v10M7 12h10" if folded else "M7 12h10"
    yield _sign_control(links.unfold(mark, 1 if folded else 0), right - 24, top, path, words)
    if node.is_frame:
        child = links.child(mark)
        yield _sign_control(
            child, right - 54, top, "M9 7h8v8M17 7l-9 9", "Open the child execution"
        )


def _sign_control(target: str, x: float, y: float, path: str, words: str) -> str:
    inside = (
        f'<title>{escape(words)}</title><rect width="24" height="24" rx="6"/><path d="{path}"/>'
    )
    return _control("tool", target, x, y, inside)


def _control(
    kind: str, target: str, x: float, y: float, inside: str, status: str = "", current: str = ""
) -> str:
    place = f'transform="translate({_number(x)},{_number(y)})"'
    shown = f' data-status="{escape(status)}"' if status else ""
    if not target:
        return f'<g class="{kind}"{shown}{current} {place}>{inside}</g>' if status else ""
    return f'<a class="{kind}"{shown}{current} href="{escape(target)}" {place}>{inside}</a>'


def _unique(identifier: str, taken: set[str]) -> str:
    """Two tasks with one reference are wrong, but must not break the page."""
    candidate, count = identifier, 1
    while candidate in taken:
        count += 1
        candidate = f"{identifier}~{count}"
    taken.add(candidate)
    return candidate


def _title(mark: Mark) -> str:
    words = mark.name[:400]
    if mark.ref and mark.ref != mark.name:
        words += f" ({mark.ref[:400]})"
    if mark.type:
        words += f", {mark.type[:80]}"
    if mark.detail:
        words += f" {mark.detail[:200]}"
    state = mark.state
    if state.reached:
        words += f": {word_of(state.status)}"
    if state.attempts > 1:
        words += f", {state.attempts} attempts"
    if state.iteration > 0:
        words += f", iteration {state.iteration}"
    return words


def _terminal(node: Node) -> str:
    mark = node.mark
    radius = node.width / 2
    status = "COMPLETED" if mark.state.done else "PENDING"
    return (
        f'<g class="terminal {mark.shape}" data-status="{status}">'
        f'<circle cx="{_x(node)}" cy="{_number(node.y + radius)}" r="{_number(radius - 2)}"/>'
        f'<text x="{_x(node)}" y="{_number(node.y + radius + 4)}">{mark.name}</text></g>'
    )


def _card(node: Node) -> str:
    mark = node.mark
    word = _status_word(mark)
    kind = f"{mark.type} · {mark.detail}" if mark.detail else mark.type
    if mark.shape == Shape.STACK:
        kind = mark.detail
    room = node.width - 56 - (40 if mark.unfolds else 12)
    kind_room = room - (text_width(word, 11) + 8 if word else 0)
    below = _plate(6) + _plate(3) if mark.shape == Shape.STACK else ""
    return (
        f"{below}{_plate(0)}"
        f'<use class="icon" href="#i-{icon_of(mark.type)}" x="18" y="24"/>'
        f'<text class="name" x="56" y="25">{escape(fit(mark.name, 13, room))}</text>'
        f'<text class="ref" x="56" y="43">{escape(fit(mark.ref, 11.5, room))}</text>'
        f'<text class="type" x="56" y="60">{escape(fit(kind, 10, max(kind_room, 30)))}</text>'
        f"{_word(word, node.width - 12, 60)}{_badges(node)}"
    )


def _plate(offset: int) -> str:
    place = f' x="{offset}" y="{-offset}"' if offset else ""
    return f'<use class="plate" href="#plate"{place}/>'


def _placeholder(node: Node) -> str:
    return (
        f'{_plate(0)}<text class="hint" x="{_number(node.width / 2)}" y="41">'
        f"{escape(node.mark.name)}</text>"
    )


def _bar(node: Node) -> str:
    mark = node.mark
    words = mark.name if mark.ref in ("", mark.name) else f"{mark.name} ({mark.ref})"
    controls = 2 * 200 if mark.pages else 0
    return (
        f'<rect class="bar" width="{_number(node.width)}" height="34" rx="6"/>'
        f'<text class="bar-name" x="{_number(node.width / 2)}" y="21.5">'
        f"{escape(fit(words, 12, node.width - 24 - controls))}</text>{_badges(node)}"
    )


def _diamond(node: Node) -> str:
    mark = node.mark
    wide, high = node.width, node.height
    word = _status_word(mark)
    name = escape(fit(mark.name, 12.5, wide * 0.62))
    ref = escape(fit(mark.ref, 11, wide * 0.56))
    return (
        f'<path class="plate" d="M{wide / 2:g} 1L{wide - 1:g} {high / 2:g} {wide / 2:g} '
        f'{high - 1:g} 1 {high / 2:g}z"/>'
        f'<text class="name middle" x="{wide / 2:g}" y="{high / 2 - 3:g}">{name}</text>'
        f'<text class="ref middle" x="{wide / 2:g}" y="{high / 2 + 13:g}">{ref}</text>'
        f'<text class="word middle" x="{wide / 2:g}" y="{high / 2 + 27:g}">{escape(word)}</text>'
        f"{_badges(node, wide * 0.75, high * 0.25)}"
    )


def _frame_head(node: Node) -> str:
    mark = node.mark
    word = _status_word(mark)
    if mark.shape == Shape.LOOP and mark.state.iteration:
        word = f"{_counted(mark)} · {word}"
    controls = 64 if mark.unfolds else 0
    room = node.width - 56 - 24 - controls - text_width(word, 11)
    kind = mark.ref if mark.ref else mark.type
    return (
        f'<rect class="head" width="{_number(node.width)}" height="{FRAME_HEAD:.0f}" rx="12"/>'
        f'<use class="icon" href="#i-{icon_of(mark.type)}" x="16" y="12"/>'
        f'<text class="name" x="52" y="21">{escape(fit(mark.name, 13, room))}</text>'
        f'<text class="ref" x="52" y="38">{escape(fit(f"{kind} · {mark.type}", 11, room))}</text>'
        f"{_word(word, node.width - 20 - controls, 30)}{_badges(node)}"
    )


def _counted(mark: Mark) -> str:
    """The iteration a loop is in, or how many there were."""
    count = mark.state.iteration
    if mark.state.done:
        return "1 iteration" if count == 1 else f"{count:,} iterations"
    return f"iteration {count:,}"


_BODIES = {
    "card": _card,
    "placeholder": _placeholder,
    "bar": _bar,
    "diamond": _diamond,
    "frame": _frame_head,
}


def _body_of(node: Node) -> str:
    if node.is_frame:
        return "frame"
    return _BODY_BY_SHAPE.get(node.mark.shape, "card")


_BODY_BY_SHAPE = {
    Shape.FORK: "bar",
    Shape.DYNAMIC_FORK: "bar",
    Shape.JOIN: "bar",
    Shape.SWITCH: "diamond",
    Shape.PLACEHOLDER: "placeholder",
}


def _status_word(mark: Mark) -> str:
    return word_of(mark.state.status) if mark.state.reached else ""


def _word(word: str, x: float, y: float) -> str:
    return f'<text class="word" x="{_number(x)}" y="{_number(y)}">{escape(word)}</text>'


def _badges(node: Node, x: float | None = None, y: float = 0.0) -> str:
    """The status sign over the upper right corner; the number of attempts at the lower right."""
    state = node.mark.state
    if not state.reached:
        return ""
    middle = node.width - 4 if x is None else x
    sign = state.status if state.status in STATUS_ICONS else "SCHEDULED"
    corner = f'x="{_number(middle - 12)}" y="{_number(y - 12)}"'
    parts = f'<use class="sign" href="#s-{sign}" {corner}/>'
    if state.attempts > 1:
        bottom = FRAME_HEAD if node.is_frame else node.height
        parts += (
            f'<circle class="attempts" cx="{_number(node.width - 4)}" cy="{_number(bottom)}" '
            f'r="10"/><text class="attempts" x="{_number(node.width - 4)}" '
            f'y="{_number(bottom + 4)}">{min(state.attempts, 99)}</text>'
        )
    return parts


def _frame_ground(node: Node) -> str:
    return (
        f'<rect class="ground {node.mark.shape}" x="{_number(node.x)}" y="{_number(node.y)}" '
        f'width="{_number(node.width)}" height="{_number(node.height)}" rx="14"/>'
    )


def _edges(edges: list[Edge]) -> Iterator[str]:
    """All edges of one look are one path, those that control took on top: half the bytes."""
    lines: dict[str, list[str]] = {}
    tips: dict[str, list[str]] = {}
    for edge in sorted(edges, key=lambda edge: edge.executed):
        lines.setdefault(_look("edge", edge), []).append(_path(edge.points))
        if edge.arrow:
            tips.setdefault("tip executed" if edge.executed else "tip", []).append(_tip(edge))
    for look, paths in (lines | tips).items():
        yield f'<path class="{look}" d="{"".join(paths)}"/>'


def _look(name: str, edge: Edge) -> str:
    flags = ((edge.executed, "executed"), (edge.dashed, "dashed"), (edge.back, "back"))
    return " ".join([name, *(word for flag, word in flags if flag)])


def _tip(edge: Edge) -> str:
    (before_x, _), (x, y) = edge.points[-2:]
    return f"M{_pair((x, y))}" + ("l7 -4v8z" if before_x > x else "l-4 -7h8z")


def _path(points: tuple[Point, ...]) -> str:
    """A polyline with rounded corners."""
    points = tuple(p for i, p in enumerate(points) if i == 0 or p != points[i - 1])
    parts = [f"M{_number(points[0][0])} {_number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = _toward(corner, before), _toward(corner, after)
        parts.append(f"L{_pair(start)}Q{_pair(corner)} {_pair(end)}")
    parts.append(f"L{_pair(points[-1])}")
    return "".join(parts)


def _toward(corner: Point, other: Point) -> Point:
    """The point on the way from `corner` to `other` where the bend begins."""
    across, down = other[0] - corner[0], other[1] - corner[1]
    length = abs(across) + abs(down)
    share = min(BEND, length / 2) / length if length else 0.0
    return corner[0] + across * share, corner[1] + down * share


def _label(label: Label) -> str:
    left, top = label.x - label.width / 2, label.y - LABEL_HEIGHT / 2
    taken = " taken" if label.taken else ""
    title = (
        "" if label.text == label.full_text else f"<title>{escape(label.full_text[:400])}</title>"
    )
    return (
        f'<g class="case{taken}">{title}<rect x="{_number(left)}" y="{_number(top)}" '
        f'width="{_number(label.width)}" height="{LABEL_HEIGHT:.0f}" rx="11"/>'
        f'<text x="{_number(label.x)}" y="{_number(label.y + 4)}">{escape(label.text)}</text></g>'
    )


def _insert(insert: Insert, link: str) -> str:
    """A "+" that adds a task: as large as a finger needs, with a smaller disc to see."""
    words = escape(_insert_words(insert.where))
    return (
        f'<a class="insert" data-insert="{escape(insert.where)}" aria-label="{words}" '
        f'href="{escape(link)}{quote(insert.where, safe="", errors="replace")}" '
        f'transform="translate({_number(insert.x)},{_number(insert.y)})"><title>{words}</title>'
        '<circle class="target" r="13"/><circle class="disc" r="8.5"/>'
        '<path d="M-4 0h8M0 -4v8"/></a>'
    )


def _insert_words(where: str) -> str:
    kind, _, ref = where.partition(":")
    if kind in ("before", "after"):
        return f"Add a task {kind} {ref[:200]}"
    return {
        "branch": "Add a task to this branch",
        "case": "Add a task to this case",
        "default": "Add a task to the default case",
        "loop": "Add a task to this loop",
    }.get(kind, "Add the first task")


def _thumbnail(layout: Layout) -> Iterator[str]:
    size = f"{_number(layout.width)} {_number(layout.height)}"
    yield (
        '<svg xmlns="http://www.w3.org/2000/svg" class="thumbnail" aria-hidden="true" '
        f'viewBox="0 0 {size}" preserveAspectRatio="xMidYMid meet">'
    )
    yield from (_frame_ground(node) for node in layout.nodes if node.is_frame)
    yield f'<path class="edge" d="{"".join(_path(edge.points) for edge in layout.edges)}"/>'
    yield from (_plain_shape(node) for node in layout.nodes if not node.is_frame)
    yield "</svg>"


def _plain_shape(node: Node) -> str:
    shape, x, y = node.mark.shape, _number(node.x), _number(node.y)
    if shape in (Shape.START, Shape.END, Shape.MERGE):
        middle, radius = _number(node.y + node.height / 2), _number(node.width / 2)
        return f'<circle class="{shape}" cx="{_x(node)}" cy="{middle}" r="{radius}"/>'
    if shape == Shape.SWITCH:
        wide, high = node.width / 2, node.height / 2
        sides = f"l{wide:g} {high:g}l{-wide:g} {high:g}l{-wide:g} {-high:g}z"
        return f'<path class="{shape}" d="M{_x(node)} {y}{sides}"/>'
    return (
        f'<rect class="{shape} kind-{icon_of(node.mark.type)}" x="{x}" y="{y}" '
        f'width="{_number(node.width)}" height="{_number(node.height)}" rx="12"/>'
    )


def _x(node: Node) -> str:
    return _number(node.x + node.width / 2)


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
