"""The pages in a real browser, over runs that are written straight into the store."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from engine.runs.events import RunStarted
from tests.ui.conftest import Served
from tests.ui.written_runs import step_event

pytestmark = pytest.mark.browser

CHATS = (
    '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n'
)
UPDATE_LIMIT_BYTES = 1024
NAMELESS_CONTROLS = """() =>
  [...document.querySelectorAll('button, input, select, a')]
    .filter((e) => e.getClientRects().length && e.type !== 'hidden' && e.ariaHidden !== 'true')
    .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length))
    .map((e) => e.outerHTML.slice(0, 200))"""


def choose_file(page: Page, folder: Path) -> None:
    chats = folder / "my chats.jsonl"
    chats.write_text(CHATS * 40, encoding="utf-8")
    page.locator("#data-upload").set_input_files(chats)


def test_start_says_what_is_missing_until_it_is_there(page: Page, tmp_path: Path) -> None:
    page.goto("/")
    expect(page.locator("#missing")).to_have_text("Choose a data file.")
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    choose_file(page, tmp_path)
    expect(page.locator("#missing")).to_have_count(0)
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    expect(page.locator("dd", has_text="my_chats.jsonl")).to_be_visible()


def test_an_upload_is_stored_as_it_was_sent(page: Page, served: Served, tmp_path: Path) -> None:
    page.goto("/")
    choose_file(page, tmp_path)
    path = page.locator("#data-path")
    expect(path).to_have_value(re.compile(r"my_chats\.jsonl$"))
    stored = Path(path.input_value())
    assert stored.parent == served.home / "ui-outputs" / "uploads"
    assert stored.read_text(encoding="utf-8") == CHATS * 40


def test_the_command_follows_the_form(page: Page) -> None:
    page.goto("/")
    command = page.locator(".bp-command code")
    expect(command).to_contain_text("--data FILE")
    page.get_by_label("Steps", exact=True).fill("20")
    expect(command).to_contain_text("--steps 20")
    page.get_by_role("radio", name="Advanced").click()
    page.get_by_label("Seed", exact=True).fill("7")
    expect(command).to_contain_text("--seed 7")
    expect(page.get_by_text("2 settings changed")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    expect(command).not_to_contain_text("--steps")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("42")


def test_a_wrong_value_is_told_beside_its_field(page: Page) -> None:
    page.goto("/")
    rank = page.get_by_label("LoRA rank", exact=True)
    # At once, before the page has heard from the server: nothing may be lost by that.
    rank.fill("zero")
    expect(page.locator("#setting-lora-r-error")).to_have_text("Give a whole number.")
    expect(rank).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#missing")).to_contain_text("Mend LoRA rank.")
    expect(page.get_by_text("1 setting changed")).to_be_visible()


def test_a_model_that_does_not_exist_is_told_with_what_does(page: Page, tmp_path: Path) -> None:
    page.goto("/")
    choose_file(page, tmp_path)
    page.locator("#model-name").fill("no such model")
    expect(page.get_by_role("alert")).to_contain_text("INPUT_MODEL_UNKNOWN")
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()


def test_a_run_of_another_door_appears_by_itself(page: Page, served: Served) -> None:
    page.goto("/runs/")
    expect(page.locator("h1")).to_have_text("Runs")
    served.runs.begin("20260201-000000-pg01", name="Came later")
    row = page.locator("tr", has_text="Came later")
    expect(row).to_contain_text("Running")
    served.runs.steps("20260201-000000-pg01", 1, 33)
    expect(row).to_contain_text("33 / 100")
    served.runs.end("20260201-000000-pg01", "completed")
    expect(row).to_contain_text("Completed")


def test_the_curve_has_no_hole_after_a_reload_or_in_another_browser(
    page: Page, browser: Browser, served: Served
) -> None:
    run_id = "20260201-000000-pg02"
    served.runs.begin(run_id)
    served.runs.steps(run_id, 1, 40)
    page.goto(f"/runs/{run_id}")
    plot = page.locator(".bp-plot")
    expect(plot).to_have_attribute("data-points", "40")
    served.runs.steps(run_id, 41, 90)
    expect(plot).to_have_attribute("data-points", "90")
    page.reload()
    expect(plot).to_have_attribute("data-points", "90")
    with browser.new_context(base_url=served.address) as other:
        visitor = other.new_page()
        visitor.goto(f"/runs/{run_id}")
        expect(visitor.locator(".bp-plot")).to_have_attribute("data-points", "90")
        expect(visitor.locator(".bp-plot")).to_have_attribute(
            "aria-label", re.compile("Loss curve over 90 steps")
        )
    served.runs.tell(run_id, RunStarted(run_id, 2, resumed_from_step=50), step_event(51, 100))
    expect(plot).to_have_attribute("data-points", "51")


def test_each_step_is_a_small_update(page: Page, served: Served) -> None:
    run_id = "20260201-000000-pg03"
    served.runs.begin(run_id, total=10_000)
    served.runs.steps(run_id, 1, 5_000, total=10_000)
    sizes: list[int] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: sizes.append(len(frame)))

    page.on("websocket", listen)
    page.goto(f"/runs/{run_id}")
    expect(page.locator(".bp-plot")).to_have_attribute("data-points", "5000")
    expect(page.locator(".bp-gauge").first).to_be_visible()
    sizes.clear()
    for step in range(5_001, 5_020):
        served.runs.steps(run_id, step, step, total=10_000)
        expect(page.locator(".bp-plot")).to_have_attribute("data-points", str(step))
    assert len(sizes) >= 19
    assert max(sizes) <= UPDATE_LIMIT_BYTES


def test_a_running_run_is_stopped_from_the_page(page: Page, served: Served) -> None:
    run_id = "20260201-000000-pg04"
    served.runs.begin(run_id)
    page.goto(f"/runs/{run_id}")
    page.get_by_role("button", name="Stop and save").click()
    expect(page.get_by_text("Asked to stop")).to_be_visible()
    assert served.runs.store.beat(run_id) == "stop"
    served.runs.end(run_id, "stopped")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_a_failed_run_says_why_and_what_next(page: Page, served: Served) -> None:
    run_id = "20260201-000000-pg05"
    served.runs.begin(run_id)
    served.runs.end(run_id, "failed")
    page.goto(f"/runs/{run_id}")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The machine ran out of memory.")
    expect(alert).to_contain_text("RUNTIME_OUT_OF_MEMORY")


def test_deleting_asks_first(page: Page, served: Served) -> None:
    run_id = "20260201-000000-pg06"
    run = served.runs.begin(run_id)
    served.runs.end(run_id, "stopped")
    page.goto(f"/runs/{run_id}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Cancel").click()
    assert run.run_dir.is_dir()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the run").click()
    page.wait_for_url(re.compile(r"/runs/?$"))
    assert not run.run_dir.exists()


def test_a_new_run_takes_its_settings_from_an_old_one(page: Page, served: Served) -> None:
    run_id = "20260201-000000-pg07"
    served.runs.begin(run_id, total=77)
    page.goto(f"/runs/{run_id}")
    page.get_by_role("link", name="New run from this one").click()
    expect(page.get_by_label("Steps", exact=True)).to_have_value("77")
    expect(page.locator("#data-path")).to_have_value(re.compile("chats.jsonl$"))


def test_an_unknown_run_has_a_way_back(page: Page) -> None:
    page.goto("/runs/20260201-000000-none")
    expect(page.get_by_text("There is no such run")).to_be_visible()
    page.get_by_role("link", name="See all runs").click()
    expect(page.locator("h1")).to_have_text("Runs")


def test_the_keyboard_reaches_the_content_and_every_control(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#missing")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio").first).to_be_focused()
    # Held as a finger holds it: the choice follows the focus only while the key is down.
    page.keyboard.down("ArrowDown")
    expect(page.get_by_role("radio").nth(1)).to_be_checked()
    page.keyboard.up("ArrowDown")


@pytest.mark.parametrize("path", ["/", "/runs/", "/runs/20260201-000000-none"])
def test_every_control_has_a_name(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("h1, .bp-empty b").first).to_be_visible()
    assert page.evaluate(NAMELESS_CONTROLS) == []


@pytest.mark.parametrize("width", [390, 1280, 2560])
@pytest.mark.parametrize("path", ["/", "/runs/"])
def test_no_page_is_wider_than_the_screen(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
