import pytest

from playground.understand.near_names import distance, nearest


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("resize", "resize", 0), ("resize", "rezise", 2), ("ab", "ba", 1), ("", "abc", 3)],
)
def test_distance_counts_slips(one: str, other: str, slips: int) -> None:
    assert distance(one, other) == distance(other, one) == slips


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("image_convert_resize", ["image_convert_rezise", "upload"], "image_convert_rezise"),
        ("SendMail", ["send-mail"], "send-mail"),
        ("send_mail", ["send_mail"], None),
        ("ship", ["shop", "sheep"], "shop"),
        ("charge_card", ["refund_card"], None),
        ("a", ["b"], "b"),
        ("x", [], None),
    ],
    ids=str,
)
def test_nearest_is_what_was_probably_meant(name: str, known: list[str], meant: str | None) -> None:
    assert nearest(name, known) == meant
