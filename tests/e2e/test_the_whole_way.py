"""With the mouse, from a file to an adapter: a real browser, the real starter, a real training."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from engine.resources import quickstart_examples
from engine.runs.records import Run
from engine.runs.store import Store
from tests.ui.conftest import Served, end_server, start_server, wait_for_address
from tests.waiting import until

STEPS = 16
TRAINING_SECONDS = 300.0

# Run in a process of its own: the base model's logits with and without the adapter, and what
# remains of the difference when the adapter is switched off.
COMPARE_LOGITS = """
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(base)
inputs = tokenizer.apply_chat_template(
    [{"role": "user", "content": "Who are you?"}], add_generation_prompt=True,
    return_tensors="pt", return_dict=True)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
with torch.inference_mode():
    plain = model(**inputs).logits
    tuned = PeftModel.from_pretrained(model, adapter)
    changed = tuned(**inputs).logits
    with tuned.disable_adapter():
        switched_off = tuned(**inputs).logits
difference = lambda other: float((other - plain).abs().max())
print(json.dumps({"adapter": difference(changed), "off": difference(switched_off)}))
"""


@pytest.fixture
def own_server(pages: object, tmp_path: Path) -> Iterator[Served]:
    """A server in a home of its own, in which nothing has happened yet."""
    process = start_server(tmp_path / "home", tmp_path)
    try:
        yield wait_for_address(process, tmp_path / "home")
    finally:
        end_server(process)


def a_visitor(browser: Browser, served: Served) -> Page:
    return browser.new_context(base_url=served.address).new_page()


def drawn_points(page: Page) -> int:
    return int(page.locator("[data-points]").first.get_attribute("data-points") or 0)


def wait_for_points(page: Page, count: int) -> None:
    until(lambda: drawn_points(page) >= count, f"{count} points", TRAINING_SECONDS)


def the_run(served: Served) -> Run:
    store = Store(served.home / "runs.db")
    (run,) = store.newest()
    store.close()
    return run


@pytest.mark.train
@pytest.mark.browser
def test_from_a_file_to_an_adapter_that_changes_the_model(
    browser: Browser, own_server: Served
) -> None:
    page = a_visitor(browser, own_server)
    page.goto("/")
    page.locator("#data-upload").set_input_files(quickstart_examples())
    page.get_by_label("Steps", exact=True).fill(str(STEPS))
    page.get_by_label("Batch size", exact=True).fill("2")
    page.get_by_label("Learning rate", exact=True).fill("1e-3")
    # The first look at the examples converts the starter model.
    expect(page.locator("#checked")).to_contain_text("Ready", timeout=TRAINING_SECONDS * 1000)
    page.get_by_role("button", name="Start training").click()

    page.wait_for_url("**/runs/**", timeout=60_000)
    wait_for_points(page, 3)
    address = page.url
    page.context.close()

    again = a_visitor(browser, own_server)
    again.goto(address)
    wait_for_points(again, STEPS)
    expect(again.get_by_role("status").first).to_contain_text(
        "Completed", timeout=TRAINING_SECONDS * 1000
    )
    assert drawn_points(again) == STEPS

    run = the_run(own_server)
    curve = httpx.get(f"{own_server.address}/api/runs/{run.id}/curve").json()
    assert curve["steps"] == list(range(1, STEPS + 1)), "no hole in the curve"
    assert sum(curve["losses"][-3:]) < sum(curve["losses"][:3]), "the loss fell"
    assert run.result is not None
    difference = logits_difference(own_server.home / "models" / "starter", run.result.path)
    assert difference["off"] == 0, "switched off, the adapter leaves the model as it was"
    assert difference["adapter"] > 0.5


def logits_difference(base: Path, adapter: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", COMPARE_LOGITS, str(base), adapter],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
