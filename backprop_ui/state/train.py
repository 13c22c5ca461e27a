"""The training form's state."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import reflex as rx
from pydantic import ValidationError

from backprop_ui import form, uploads, wording
from backprop_ui.data_views import preflight_words
from backprop_ui.views import Problem, config_of, problem_of
from engine import api
from engine.config import RunConfig
from engine.data.inspected import Preflight
from engine.errors import BackpropError
from engine.models.resolve import Preset

FEW_MODELS = 6
TYPING_SECONDS = 0.6


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
    data_sets: list[str] = []
    data_set: str = ""
    checking: bool = False
    checked: str = ""
    warnings: list[str] = []
    starting: bool = False
    _look_number: int = 0
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
        self.data_sets = [saved.name for saved in api.list_data_sets()]
        self._choose(self.router.url.query_parameters.get("set", ""))
        self._look()
        if refused.code:
            self.problem = refused
        return TrainState.check_data

    @rx.event
    def edit(self, name: str, value: str):
        if name not in form.LABELS:
            return None
        self._fill()
        self.values = {**self.values, name: value}
        if name == "data.path":
            self.data_set = ""
        self._look()
        return TrainState.check_data

    @rx.event
    def choose_data_set(self, name: str):
        self._fill()
        self._choose(name)
        self._look()
        return TrainState.check_data

    @rx.event
    def take_upload(self, token: str):
        try:
            path = uploads.path_of(token)
        except BackpropError as error:
            self.problem = problem_of(error)
            return None
        self._fill()
        self.values, self.data_set = {**self.values, "data.path": str(path)}, ""
        self._look()
        return TrainState.check_data

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
        return TrainState.check_data

    @rx.event(background=True)
    async def check_data(self):
        """Tell what would be learned from, a moment after the last change."""
        async with self:
            self._look_number += 1
            mine, self.checked, self.warnings = self._look_number, "", []
            self.checking = self.ready
            config = self._config() if self.ready else None
        await asyncio.sleep(TYPING_SECONDS)
        if config is not None and mine == self._look_number:
            found = await asyncio.to_thread(_looked, config)
            async with self:
                if mine == self._look_number:
                    self._tell(found)

    @rx.event(background=True)
    async def start(self):
        """Look at the data once more, so that nothing starts that would learn nothing."""
        async with self:
            if not self.ready or self.starting:
                return None
            self.starting, config = True, self._config()
        found = await asyncio.to_thread(_looked, config)
        async with self:
            self.starting = False
            self._tell(found)
            if isinstance(found, BackpropError) or not found.ready:
                return None
            try:
                run = api.submit(config, origin="page")
            except BackpropError as error:
                self.problem = problem_of(error)
                return None
        return rx.redirect(f"/runs/{run.id}")

    def _tell(self, found: Preflight | BackpropError) -> None:
        self.checking = False
        if isinstance(found, BackpropError):
            self.problem = problem_of(found)
        elif found.problems:
            first = found.problems[0]
            self.problem = Problem(first.code, first.message, first.hint)
            self.ready = False
        else:
            self.checked = preflight_words(found)
            self.warnings = [f"{warning.message} {warning.hint}" for warning in found.warnings]

    def _config(self) -> RunConfig:
        """The training as the form has it. Raises pydantic's ValidationError."""
        return _config_of(self.values, self.data_set)

    def _choose(self, name: str) -> None:
        """Take a named data set; without a name, the path stays and its recipe goes."""
        self.data_set = ""
        for saved in api.list_data_sets():
            if saved.name == name:
                self.data_set = name
                self.values = {**self.values, "data.path": str(saved.data.path)}

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
        found = _check(self.values, self.data_set)
        self.errors, self.command, self.problem = found.errors, found.command, found.problem
        self.changed = len(form.changed_names(self.values, self._defaults))
        self.missing = _missing(self.values, found.errors)
        self.ready = not self.missing and not found.problem.code
        self.data_name = wording.data_words(uploads.as_path(self.values["data.path"]))


def _config_of(values: form.Form, data_set: str) -> RunConfig:
    """The form's training; a data set brings its layout, columns and recipe."""
    config = form.build_config(values, api.train_defaults())
    for saved in api.list_data_sets():
        if saved.name == data_set and config.data is not None:
            data = saved.data.model_copy(update={"eval_fraction": config.data.eval_fraction})
            return config.model_copy(update={"data": data})
    return config


def _looked(config: RunConfig) -> Preflight | BackpropError:
    try:
        return api.preflight(config)
    except BackpropError as error:
        return error


def _check(values: form.Form, data_set: str) -> Checked:
    """Validate the form, then ask the api what would keep it from being submitted."""
    try:
        config = _config_of(values, data_set)
    except ValidationError as error:
        errors = form.errors_of(error)
        return Checked(errors, _command_without_data(values, errors), Problem())
    command = api.train_command(config)
    try:
        if config.data is not None:
            api.check_page_path(config.data.path)
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


def _card(preset: Preset) -> ModelCard:
    return ModelCard(
        name=preset.name,
        title=preset.title,
        size=wording.parameter_words(preset.parameters),
        facts=f"{preset.memory} · {preset.speed} · {preset.licence}",
        summary=preset.summary,
    )
