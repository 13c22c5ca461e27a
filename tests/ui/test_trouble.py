"""An error that no handler expects is still told on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.conftest import end_server, start_server, wait_for_address


@pytest.mark.browser
def test_a_setting_that_went_wrong_is_told_and_can_be_put_away(
    browser: Browser, pages: object, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    process = start_server(home, tmp_path)
    served = wait_for_address(process, home)
    context = browser.new_context(base_url=served.address)
    try:
        (home / "config.json").write_text('{"colour": "blue"}')
        page = context.new_page()
        page.goto("/")
        alert = page.get_by_role("alert").first
        expect(alert).to_contain_text("CONFIG_INVALID", timeout=15_000)
        expect(alert).to_contain_text("colour")
        page.get_by_role("button", name="Dismiss").first.click()
        expect(page.get_by_role("alert")).to_have_count(0)
    finally:
        context.close()
        end_server(process)
