"""A person at a real browser: Playwright drives Chromium against the running playground.

fixture     | scope    | gives
------------|----------|---------------------------------------------------------------------
browser     | module   | one Chromium; its end is before the next module, because Playwright's
            |          | event loop would disturb tests that run one of their own
visitors    | function | `visitors(...)`: a new `Visitor` with a browser profile of its own

Whoever visits is watched: a script error, an error on the console (Chromium reports violations of
the Content-Security-Policy there) or an answer of 500 and above fails the test at its end.
Screenshots go to `.artifacts/e2e/`, which is not committed. What a test measured, it says with
`record_property("measured: …", …)`; the end of the run prints it.
"""

import itertools
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Response,
    StorageState,
    ViewportSize,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

from tests.support.playground import CHECKOUT, Key, Playground

ARTIFACTS = CHECKOUT / ".artifacts" / "e2e"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
# A guard against hanging, not a promise: the machine may be busy with other tests.
PATIENCE_MS = 60_000
MEASURED = "measured: "
_CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Visitor:
    """One person: a page, and what the browser complained about while they were there."""

    page: Page
    story: str
    pictures: Iterator[int]
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, name: str) -> None:
        """From the landing page through the development provider to the home page."""
        self.page.goto("/")
        self.page.get_by_role("link", name="Sign in with any name").click()
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_role("button", name="Continue", exact=True).click()
        expect(self.page.get_by_role("heading", name=f"Hello, {name.split()[0]}")).to_be_visible()

    def go(self, *names: str) -> None:
        """Click through the left navigation, by the words on its entries."""
        navigation = self.page.get_by_role("navigation", name="Main")
        for name in names:
            # Some groups are folded at first.
            words = re.compile(f"^\\s*{re.escape(name)}\\s*$")
            entry = navigation.locator("a", has_text=words)
            if not entry.is_visible():
                group = navigation.locator("details", has=self.page.locator("a", has_text=words))
                group.locator("summary").click()
            entry.click()

    def open_palette(self) -> Locator:
        """Ctrl K until the dialog is there: a page that is just loading may not hear it yet."""
        dialog = self.page.get_by_role("dialog", name="Search")
        for _ in range(PATIENCE_MS // 2_000):
            self.page.keyboard.press("Control+k")
            with suppress(PlaywrightError):
                dialog.wait_for(state="visible", timeout=2_000)
                break
        expect(dialog).to_be_visible()
        return dialog

    def keep_picture(self, name: str) -> None:
        """A screenshot of the whole page, numbered in the order of the story."""
        file = ARTIFACTS / self.story / f"{next(self.pictures):02}-{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file, full_page=True)

    def keep_view(self, name: str) -> None:
        """A screenshot of what the window shows."""
        file = ARTIFACTS / self.story / f"{next(self.pictures):02}-{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file)

    def overflow_px(self) -> int:
        """By how many pixels the page is wider than the window: 0 when nothing sticks out."""
        return int(
            self.page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    def watch(self) -> None:
        """Note what goes wrong in the browser from now on."""
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("console", self._hear)
        self.page.on("response", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"console on {self.page.url}: {message.text}")

    def _see(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} from {response.url}")


Visitors = Callable[..., Visitor]


def new_name(first_name: str) -> str:
    """A name that nobody has used before: signing in with it gives a new namespace."""
    return f"{first_name} {time.monotonic_ns():x} {os.getpid()}"


def chromium() -> str:
    """The path of Debian's Chromium; skips where there is none, fails where CI should have one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and os.environ.get("CI"):
        pytest.fail("Chromium is missing: apt-get install chromium", pytrace=False)
    if path is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    return path


def key_of(playground: Playground, name: str) -> Key:
    """A key of the namespace that signing in as `name` gives.

    Made in a thread of its own: here Playwright's event loop runs, and nobody may run another.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(playground.new_key, name).result()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module."""
    path = chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(_CHROMIUM_ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def visitors(
    browser: Browser, playground: Playground, request: pytest.FixtureRequest
) -> Iterator[Visitors]:
    """Makes visitors; at the end nobody's browser may have complained."""
    story = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    shutil.rmtree(ARTIFACTS / story, ignore_errors=True)
    pictures = itertools.count(1)
    contexts: list[BrowserContext] = []
    all_visitors: list[Visitor] = []

    def visit(
        *,
        javascript: bool = True,
        theme: str = "light",
        size: ViewportSize = DESKTOP,
        signed_in: StorageState | None = None,
    ) -> Visitor:
        options: dict[str, Any] = {"storage_state": signed_in} if signed_in else {}
        context = browser.new_context(
            base_url=playground.url,
            java_script_enabled=javascript,
            color_scheme="dark" if theme == "dark" else "light",
            viewport=size,
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        visitor = Visitor(context.new_page(), story, pictures)
        visitor.watch()
        all_visitors.append(visitor)
        return visitor

    yield visit
    for context in contexts:
        context.close()
    complaints = [complaint for visitor in all_visitors for complaint in visitor.complaints]
    assert complaints == []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the tests measured."""
    reports = [
        report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)
    ]
    measured = [
        f"{name.removeprefix(MEASURED)}: {value}"
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name.startswith(MEASURED)
    ]
    if measured:
        terminalreporter.section("measured")
    for line in measured:
        terminalreporter.write_line(line)
