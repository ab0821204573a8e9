"""The page of all components shows all of them, so that a change of style can be looked at once."""

import re

import pytest
from jinja2 import nodes

from playground.web.assets import SOURCES
from playground.web.pages import environment, respond
from playground.web.patterns import patterns_page
from tests.web.examples import a_shell

PAGE = "patterns/show.html"
LIBRARIES = {
    "components.html": "ui",
    "resources/_parts.html": "parts",
    "understand/_parts.html": "understood",
}
BY_THE_OTHERS = {"control", "field", "fields", "save_picture", "sentences"}
"""Macros that a page reaches through `section`, `explanation` and `diagram_card`."""

BY_SCRIPT = {"node", "spin", "without-script"}
"""Classes of the diagram's parts, and of what only appears without a script."""


def tree_of(template: str) -> nodes.Template:
    assert environment.loader is not None
    return environment.parse(environment.loader.get_source(environment, template)[0])


def html_of_patterns() -> str:
    return bytes(respond(PAGE, patterns_page(), a_shell()).body).decode()


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_macro_is_on_the_page(library: str) -> None:
    macros = {one.name for one in tree_of(library).find_all(nodes.Macro)}
    used = {
        one.attr
        for one in tree_of(PAGE).find_all(nodes.Getattr)
        if isinstance(one.node, nodes.Name) and one.node.name == LIBRARIES[library]
    }

    assert {name for name in macros if name[0] != "_"} - BY_THE_OTHERS - used == set()


def test_every_class_of_the_components_is_on_the_page() -> None:
    styles = re.sub(r"/\*.*?\*/", "", (SOURCES / "components.css").read_text(), flags=re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", styles)
    wanted = {name for one in selectors for name in re.findall(r"\.([a-z][\w-]*)", one)}
    html = html_of_patterns()

    shown = {name for one in re.findall(r'class="([^"]*)"', html) for name in one.split()}

    assert wanted - shown - BY_SCRIPT == set()


def test_every_icon_is_on_the_page() -> None:
    assert len(patterns_page().icons) > 40
    assert html_of_patterns().count("icon-swatch") == len(patterns_page().icons) + 1
