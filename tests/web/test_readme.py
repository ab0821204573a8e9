"""Pins the little of Markdown that the samples' READMEs use."""

import pytest

from playground.web.readme import readme_html
from sample_workflows import Sample, samples

every_sample = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)


def html(body: str) -> str:
    return str(readme_html(f"# Title\n\n{body}"))


def test_lines_of_a_paragraph_are_one() -> None:
    assert html("one\ntwo\n\nthree") == "<p>one two</p>\n<p>three</p>"


def test_items_go_on_when_indented() -> None:
    assert html("- one\n  more\n- two") == "<ul><li>one more</li><li>two</li></ul>"
    assert html("1. one\n2. two") == "<ol><li>one</li><li>two</li></ol>"


def test_fence_is_kept_as_it_is() -> None:
    assert html("```sh\na `b`\n\n- c\n```") == ('<pre tabindex="0"><code>a `b`\n\n- c</code></pre>')


def test_code_and_headings() -> None:
    assert html("## See `x`") == "<h3>See <code>x</code></h3>"


def test_nothing_in_it_is_markup() -> None:
    assert "<b>" not in html("<b> `<b>`\n\n- <b>\n\n```\n<b>\n```")


@every_sample
def test_no_sign_of_markdown_is_left_in_a_sample(sample: Sample) -> None:
    plain = str(readme_html(sample.readme)).split("<pre")[0]

    assert "`" not in plain
    assert "##" not in plain
    assert "**" not in plain
