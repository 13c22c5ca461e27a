"""The training form's state."""

from __future__ import annotations

from dataclasses import dataclass

import reflex as rx
from pydantic import ValidationError

from backprop_ui import form, uploads, wording
from backprop_ui.views import Problem, config_of, problem_of
from engine import api
from engine.errors import BackpropError
from engine.models.resolve import Preset

FEW_MODELS = 6


@dataclass(frozen=True)
class ModelCard:
    """A preset as a card."""

    name: str
    title: str
    size: str
    facts: str
    summary: str


@dataclass(frozen=True)
class Checked:
    """What a look at the form found."""

    errors: dict[str, str]
    command: str
    problem: Problem


class TrainState(rx.State):
    """The form as it stands, what is missing in it, and the command that does the same."""

    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    models: list[ModelCard] = []
    all_models: bool = False
    advanced: bool = False
    changed: int = 0
    missing: list[str] = []
    command: str = ""
    problem: Problem = Problem()
    ready: bool = False
    data_name: str = ""
    _defaults: dict[str, str] = {}

    @rx.var
    def shown_models(self) -> list[ModelCard]:
        return self.models if self.all_models else self.models[:FEW_MODELS]

    @rx.var
    def hidden_models(self) -> int:
        return 0 if self.all_models else max(0, len(self.models) - FEW_MODELS)

    @rx.var
    def changed_words(self) -> str:
        return f"{self.changed} setting{'' if self.changed == 1 else 's'} changed"

    @rx.var
    def model_words(self) -> str:
        name = self.values.get("model.name", "")
        titles = (model.title for model in self.models if model.name == name)
        return next(titles, wording.model_words(name) or wording.NONE)

    @rx.var
    def other_model(self) -> str:
        """The model, where it is none of the cards."""
        name = self.values.get("model.name", "")
        return "" if any(model.name == name for model in self.models) else name

    @rx.var
    def length_words(self) -> str:
        steps = self.values.get("training.steps", "")
        epochs = self.values.get("training.epochs", "")
        return f"{steps} steps" if steps else f"{epochs} passes over the data"

    @rx.event
    def open(self):
        """Begin with the settings' defaults, or with those of the run named by `?from=`."""
        self.models = [_card(preset) for preset in api.presets()]
        self._fill()
        source = self.router.url.query_parameters.get("from", "")
        refused = self._copy(source) if source else Problem()
        self._look()
        if refused.code:
            self.problem = refused

    @rx.event
    def edit(self, name: str, value: str):
        if name not in form.LABELS:
            return
        self._fill()
        self.values = {**self.values, name: value}
        self._look()

    @rx.event
    def take_upload(self, token: str):
        try:
            path = uploads.path_of(token)
        except BackpropError as error:
            self.problem = problem_of(error)
            return
        self._fill()
        self.values = {**self.values, "data.path": str(path)}
        self._look()

    @rx.event
    def set_view(self, view: str | list[str]):
        self.advanced = view == "advanced"

    @rx.event
    def show_all_models(self):
        self.all_models = True

    @rx.event
    def reset_settings(self):
        """Back to the defaults; the model and the data stay as chosen."""
        kept = {name: self.values[name] for name in ("model.name", "data.path")}
        self.values = {**self._defaults, **kept}
        self._look()

    @rx.event
    def start(self):
        if not self.ready:
            return None
        try:
            run = api.submit(form.build_config(self.values, api.train_defaults()), origin="page")
        except BackpropError as error:
            self.problem = problem_of(error)
            return None
        return rx.redirect(f"/runs/{run.id}")

    def _fill(self) -> None:
        """Put in the defaults; somebody may type before the page has heard of them."""
        self._defaults = form.default_form(api.train_defaults(), api.page_output_dir())
        folder = self._defaults["output_dir"]
        self.values = {**self._defaults, **self.values, "output_dir": folder}

    def _copy(self, run_id: str) -> Problem:
        """Take the settings of a run; the answer says why that cannot be done."""
        try:
            run = api.get_run(run_id)
        except BackpropError as error:
            return problem_of(error)
        self.values = form.form_of(config_of(run), self._defaults)
        return Problem()

    def _look(self) -> None:
        found = _check(self.values)
        self.errors, self.command, self.problem = found.errors, found.command, found.problem
        self.changed = len(form.changed_names(self.values, self._defaults))
        self.missing = _missing(self.values, found.errors)
        self.ready = not self.missing and not found.problem.code
        self.data_name = wording.data_words(uploads.as_path(self.values["data.path"]))


def _check(values: form.Form) -> Checked:
    """Validate the form, then ask the api what would keep it from being submitted."""
    try:
        config = form.build_config(values, api.train_defaults())
    except ValidationError as error:
        errors = form.errors_of(error)
        return Checked(errors, _command_without_data(values, errors), Problem())
    command = api.train_command(config)
    try:
        api.check(config)
    except BackpropError as error:
        return Checked({}, command, problem_of(error))
    return Checked({}, command, Problem())


def _command_without_data(values: form.Form, errors: dict[str, str]) -> str:
    """While only the file is missing, the command stands there with a word in its place."""
    if set(errors) != {"data.path"}:
        return ""
    config = form.build_config({**values, "data.path": "FILE"}, api.train_defaults())
    return api.train_command(config)


def _missing(values: form.Form, errors: dict[str, str]) -> list[str]:
    needs = []
    if not values["model.name"].strip():
        needs.append("Choose a model.")
    if "data.path" in errors:
        needs.append("Choose a data file.")
    wrong = [form.LABELS.get(name, name) for name in errors if name != "data.path"]
    if wrong:
        needs.append(f"Mend {', '.join(wrong)}.")
    return needs


def _problem(error: BackpropError) -> Problem:
    return Problem(error.code, error.message, error.hint)


def _card(preset: Preset) -> ModelCard:
    return ModelCard(
        name=preset.name,
        title=preset.title,
        size=wording.parameter_words(preset.parameters),
        facts=f"{preset.memory} · {preset.speed} · {preset.licence}",
        summary=preset.summary,
    )
