"""Makes the README's picture from a running playground, so that it shows what there is.

    .venv/bin/python infra/setup/picture.py [--url http://localhost:8000]

Signs in at the development provider as Ada, runs PopulationMaxMin and keeps the
window as infra/pictures/execution.png. Needs Chromium and the test tools.
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright
from small_png import with_few_colours

CHECKOUT = Path(__file__).resolve().parents[2]
PICTURE = CHECKOUT / "infra" / "pictures" / "execution.png"
# Wide enough for diagram and task side by side, low enough to be read in a README.
WINDOW = {"width": 1280, "height": 860}
PATIENCE_MS = 60_000


def main() -> int:
    """The exit status: 1 without Chromium."""
    parser = argparse.ArgumentParser(description="Make the README's picture.")
    parser.add_argument("--url", default="http://localhost:8000", help="a running playground")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("picture: Chromium is missing: apt-get install chromium\n")
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            base_url=arguments.url, viewport=WINDOW, color_scheme="light", locale="en-GB"
        )
        page.set_default_timeout(PATIENCE_MS)
        show_execution(page)
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_bytes(with_few_colours(page.screenshot()))
        browser.close()
    sys.stdout.write(f"{PICTURE.relative_to(CHECKOUT)}: {PICTURE.stat().st_size // 1024} KB\n")
    return 0


def show_execution(page: Page) -> None:
    """From the landing page to a completed execution."""
    page.goto("/")
    page.locator(".sign-in a").first.click()
    page.get_by_role("button", name="Ada", exact=True).click()
    page.get_by_role("button", name="Run PopulationMaxMin").click()
    expect(page.locator("#status")).to_contain_text("Completed", timeout=PATIENCE_MS)
    expect(page.locator("#panel")).to_contain_text("Wyoming", timeout=PATIENCE_MS)


if __name__ == "__main__":
    sys.exit(main())
