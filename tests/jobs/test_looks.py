"""Pins when an executor looks again: at once for what it cannot know, not twice for the same."""

import pytest

from playground.jobs.looks import COMPANY_SECONDS, MOMENT_SECONDS, Looks


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_idle_executor_looks_at_once_for_a_job(hands: Hands) -> None:
    looks = Looks(hands)
    looks.begin()
    looks.pause(2.0)

    assert looks.heard_late()


def test_job_is_left_to_the_look_that_follows_work(hands: Hands) -> None:
    looks = Looks(hands)
    looks.begin()
    looks.pause(MOMENT_SECONDS)
    hands.now += 0.03

    assert not looks.heard_late()


def test_job_that_comes_during_a_look_brings_the_next_one_near(hands: Hands) -> None:
    looks = Looks(hands)
    looks.pause(2.0)
    looks.begin()

    assert not looks.heard_late()
    assert looks.pause(2.0) == MOMENT_SECONDS


def test_job_is_forgotten_with_the_look_that_answers_it(hands: Hands) -> None:
    looks = Looks(hands)
    looks.heard_late()
    looks.begin()

    assert looks.pause(2.0) == 2.0


def test_looks_keep_a_little_apart(hands: Hands) -> None:
    looks = Looks(hands)
    looks.begin()
    at_once = looks.too_early()
    hands.now += 1

    assert (at_once, looks.too_early()) == (pytest.approx(COMPANY_SECONDS), 0.0)
