"""The Data page in a real browser: upload, preview, problems, X-ray, filters, refusal to start."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui.test_pages import NAMELESS_CONTROLS

pytestmark = pytest.mark.browser

WORKER_MILLISECONDS = 90_000
TRICKY = "<b>bold</b><script>document.title='hacked'</script> \x1b[31m\u202eevil"


def chats(folder: Path, count: int = 25, answer: str = "Answer") -> Path:
    path = folder / "some chats.jsonl"
    rows = [{"prompt": f"Question {n}", "completion": f"{answer} {n}"} for n in range(count)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def drop(page: Page, path: Path) -> None:
    page.goto("/dataset/")
    page.locator("#data-upload").set_input_files(path)
    expect(page.locator(".bp-data-row").first).to_be_visible()


def with_model(page: Page, model: Path) -> None:
    """Train's form with the model of two layers."""
    page.goto("/")
    page.locator("#model-name").fill(str(model))
    expect(page.locator(".bp-command code")).to_contain_text(f"--model {model}")


def test_rows_are_shown_page_by_page_and_searched(page: Page, tmp_path: Path) -> None:
    drop(page, chats(tmp_path))
    expect(page.locator(".bp-data-row")).to_have_count(10)
    expect(page.locator(".bp-turn[data-role=assistant]").first).to_contain_text("Answer 0")
    page.get_by_role("button", name="Later rows").click()
    expect(page.locator(".bp-turn").first).to_contain_text("Question 10")
    page.get_by_label("Search in the rows").fill("answer 24")
    expect(page.locator(".bp-data-row")).to_have_count(1)
    expect(page.get_by_text("1 to 1 of 1", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Raw").click()
    expect(page.locator(".bp-raw")).to_contain_text('"completion": "Answer 24"')


def test_what_is_in_a_row_never_acts(page: Page, tmp_path: Path) -> None:
    drop(page, chats(tmp_path, 1, TRICKY))
    bubble = page.locator(".bp-turn[data-role=assistant]")
    expect(bubble).to_contain_text("<b>bold</b><script>document.title='hacked'</script>")
    expect(bubble).to_contain_text("\\x1b[31m\\u202eevil")
    expect(page).to_have_title("Data · backprop")


def test_bad_rows_are_told_with_their_lines(page: Page, tmp_path: Path) -> None:
    path = chats(tmp_path)
    path.write_text(path.read_text() + '\n{"prompt": "half', encoding="utf-8")
    drop(page, path)
    page.get_by_role("tab", name="Problems").click()
    words = page.get_by_text("1 of 26 rows cannot be used")
    expect(words).to_be_visible(timeout=WORKER_MILLISECONDS)
    expect(page.locator(".bp-notes")).to_contain_text("Line 26")


def test_unknown_columns_can_be_mapped(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"frage": "Wie?", "echo": "So."}\n' * 3, encoding="utf-8")
    drop(page, path)
    expect(page.get_by_text("not known", exact=True)).to_be_visible()
    page.get_by_label("prompt", exact=True).select_option("frage")
    page.get_by_label("answer", exact=True).select_option("echo")
    expect(page.locator(".bp-turn[data-role=assistant]").first).to_contain_text("So.")
    expect(page.locator(".bp-command code")).to_contain_text("prompt=frage,answer=echo")


def test_filters_count_what_stays_and_a_set_is_trained_with(page: Page, tmp_path: Path) -> None:
    drop(page, chats(tmp_path, 20))
    page.get_by_role("tab", name="Filters").click()
    page.get_by_label("Must not contain").fill("Question 1")
    left = page.locator("#left")
    expect(left).to_have_text("9 of 20 rows stay.", timeout=WORKER_MILLISECONDS)
    page.get_by_label("Name", exact=True).fill("few-chats")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Train with it").click()
    expect(page.get_by_label("Saved data set")).to_have_value("few-chats")
    expect(page.locator(".bp-command code")).to_contain_text("--drop-matching")


def test_a_path_outside_the_allowed_folders_is_refused(page: Page) -> None:
    page.goto("/dataset/")
    page.get_by_label("Path on this computer").fill("/etc/hostname")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("UI_OUTPUT_DIR_FORBIDDEN")


def test_start_says_what_would_be_learned(page: Page, tmp_path: Path, tiny_model: Path) -> None:
    with_model(page, tiny_model)
    page.locator("#data-upload").set_input_files(chats(tmp_path))
    checked = page.locator("#checked")
    expect(checked).to_contain_text("Ready: 25 examples", timeout=WORKER_MILLISECONDS)
    expect(checked).to_contain_text("% trained")


def test_start_is_refused_when_no_token_would_be_trained(
    page: Page, tmp_path: Path, tiny_model: Path
) -> None:
    with_model(page, tiny_model)
    page.get_by_label("Max length", exact=True).fill("10")
    page.locator("#data-upload").set_input_files(chats(tmp_path))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("No token would be trained", timeout=WORKER_MILLISECONDS)
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    page.get_by_label("Max length", exact=True).fill("39")
    warning = page.locator(".bp-warned")
    expect(warning).to_contain_text("will be cut off", timeout=WORKER_MILLISECONDS)
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()


@pytest.mark.train
def test_the_xray_colours_answers_and_says_what_a_token_is(page: Page, tmp_path: Path) -> None:
    drop(page, chats(tmp_path))
    page.get_by_role("tab", name="Token X-ray").click()
    rows = page.locator(".bp-tokens")
    expect(rows.first).to_be_visible(timeout=2 * WORKER_MILLISECONDS)
    trained = rows.first.locator("[data-state=trained]")
    assert "".join(trained.all_text_contents()) == "Answer 0<|im_end|>"
    expect(trained.first).to_have_attribute("title", re.compile(r"^\d+ · trained$"))
    expect(rows.nth(1).locator("[data-state=boundary]")).to_have_count(1)


def test_every_control_has_a_name_and_no_width_breaks_it(page: Page, tmp_path: Path) -> None:
    drop(page, chats(tmp_path, 12, "A very_long_word" * 40))
    for tab in ("Rows", "Problems", "Filters"):
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate(NAMELESS_CONTROLS) == []
        for width in (390, 1280, 2560):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
