"""The way from a form's texts to a configuration, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from backprop_ui import form
from engine import api


@pytest.fixture
def filled() -> form.Form:
    defaults = form.default_form(api.train_defaults(), Path("/out"))
    return defaults | {"data.path": "/data/chats.jsonl"}


def errors_with(filled: form.Form, **changes: str) -> dict[str, str]:
    changed = {name.replace("__", "."): text for name, text in changes.items()}
    with pytest.raises(ValidationError) as caught:
        form.build_config({**filled, **changed}, api.train_defaults())
    return form.errors_of(caught.value)


def test_an_untouched_form_gives_the_defaults(filled: form.Form) -> None:
    config = form.build_config(filled, api.train_defaults())
    defaults = api.train_defaults(Path("/data/chats.jsonl"))
    assert config == defaults.model_copy(update={"output_dir": Path("/out")})


def test_texts_become_values(filled: form.Form) -> None:
    texts = {"training.steps": " 20 ", "training.learning_rate": "1e-3", "lora.alpha": "32"}
    modules = {"lora.target_modules": "q_proj, v_proj", "name": "First"}
    config = form.build_config({**filled, **texts, **modules}, api.train_defaults())
    assert (config.training.steps, config.training.learning_rate) == (20, 1e-3)
    assert (config.lora.alpha, config.lora.target_modules) == (32, ("q_proj", "v_proj"))
    assert config.name == "First"


def test_a_form_of_a_run_makes_the_same_run_in_the_page_folder(filled: form.Form) -> None:
    changed = {**filled, "training.steps": "7", "limits.max_minutes": "1.5", "lora.r": "8"}
    config = form.build_config(changed, api.train_defaults())
    elsewhere = config.model_copy(update={"output_dir": Path("/elsewhere")})
    again = form.build_config(form.form_of(elsewhere, filled), api.train_defaults())
    assert again == config


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("data__path", "", "Choose a data file."),
        ("training__steps", "many", "Give a whole number."),
        ("training__steps", "0", "Give a number above 0."),
        ("training__steps", "1.5", "Give a whole number."),
        ("training__learning_rate", "fast", "Give a number."),
        ("training__learning_rate", "1", "Give a number below 1."),
        ("training__learning_rate", "inf", "Give a number below 1."),
        ("training__seed", "-1", "Give 0 or more."),
        ("lora__r", "", "Give a whole number."),
        ("data__eval_fraction", "1", "Give a number below 1."),
        (
            "lora__target_modules",
            "",
            form.TARGET_MODULES_HELP,
        ),
        (
            "training__scheduler",
            "steep",
            "Choose linear, cosine, constant or constant_with_warmup.",
        ),
    ],
)
def test_errors_are_sentences_beside_their_field(
    filled: form.Form, name: str, text: str, sentence: str
) -> None:
    assert errors_with(filled, **{name: text}) == {name.replace("__", "."): sentence}


def test_changed_settings_are_counted_without_model_and_data(filled: form.Form) -> None:
    defaults = form.default_form(api.train_defaults(), Path("/out"))
    changed = {**filled, "lora.r": "8", "model.name": "other"}
    assert form.changed_names(changed, defaults) == ["lora.r"]


@pytest.mark.parametrize("spec", form.SETTINGS, ids=lambda spec: spec.name)
def test_every_control_explains_itself_in_the_words_of_the_setting(spec: form.Field) -> None:
    assert spec.tip.endswith(".")
