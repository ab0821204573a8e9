"""What belongs to a person: their keys, their words to us, their session, and nobody else's."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import Visitors, new_name
from tests.support.playground import OPERATOR, Key, Playground

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NO_EXECUTION = "00000000-0000-4000-8000-000000000000"


def test_a_new_key_works_and_its_secret_shows_once(
    visitors: Visitors, playground: Playground
) -> None:
    person = visitors()
    page = person.page
    person.sign_in(new_name("Ada"))

    person.go("Access keys")
    page.get_by_label("Name", exact=True).fill("my first worker")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("heading", name="Your new key")).to_be_visible()
    key_id = page.locator("#key-id").inner_text()
    secret = page.locator("#key-secret").inner_text()
    person.keep_picture("created")
    key = Key(key_id, secret, "", f"{playground.url}/api")
    with key.client() as client:
        definitions = client.get("/api/metadata/workflow").json()
    page.goto("/access-keys")

    assert "PopulationMaxMin" in [definition["name"] for definition in definitions]
    expect(page.get_by_text(key_id)).to_be_visible()
    assert secret not in page.content()
    person.keep_picture("afterwards")


def test_feedback_is_thanked_for_and_reaches_operators(visitors: Visitors) -> None:
    person, operator = visitors(), visitors()
    words = f"The fork bars helped me. {new_name('note')}"
    author = new_name("Edsger")
    person.sign_in(author)
    person.go("Workflow Executions")

    person.go("Feedback")
    person.page.get_by_label("Your feedback").fill(words)
    person.page.get_by_label("Very well").check()
    person.page.get_by_role("button", name="Send").click()
    expect(person.page.get_by_text("Thank you.")).to_be_visible()
    person.keep_picture("thanks")
    operator.sign_in(OPERATOR)
    operator.go("Feedback inbox")

    note = operator.page.get_by_role("article").filter(has_text=words)
    expect(note).to_contain_text(author)
    expect(note).to_contain_text("/executions")
    operator.keep_picture("inbox")
    assert person.page.request.get("/operators/feedback").status == 404


def test_signing_out_ends_the_session(visitors: Visitors) -> None:
    person, thief = visitors(), visitors()
    page = person.page
    person.sign_in(new_name("Grace"))
    old_cookies = page.context.cookies()
    person.go("Workflow Executions")
    expect(page.get_by_role("heading", name="Executions", level=1)).to_be_visible()

    page.get_by_role("button", name="Account of").click()
    page.get_by_role("button", name="Sign out").click()
    landing = page.get_by_role("heading", name="Run a real workflow in your first minute")
    expect(landing).to_be_visible()
    page.go_back()
    expect(landing).to_be_visible()
    thief.page.context.add_cookies([{**cookie} for cookie in old_cookies])  # type: ignore[typeddict-item]
    thief.page.goto("/executions")

    expect(thief.page).to_have_url("/?next=/executions")
    expect(thief.page.get_by_text("Sign in to see that page")).to_be_visible()


def test_nobody_sees_anything_of_somebody_else(visitors: Visitors) -> None:
    first, second = visitors(), visitors()
    first.sign_in(new_name("Linus"))
    first.page.get_by_role("button", name="Run PopulationMaxMin").click()
    expect(first.page.locator("#status")).to_contain_text("Completed")
    execution_id = first.page.locator("#execution-id").inner_text()

    second.sign_in(new_name("Margaret"))
    expect(second.page.get_by_role("heading", name="Latest executions")).to_have_count(0)
    second.go("Workflow Executions")
    expect(second.page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    foreign = second.page.request.get(f"/executions/{execution_id}")
    missing = second.page.request.get(f"/executions/{NO_EXECUTION}")

    assert foreign.status == missing.status == 404
    assert foreign.text().replace(execution_id, NO_EXECUTION) == missing.text()
    assert second.page.request.get(f"/executions/{execution_id}/events").status == 404
