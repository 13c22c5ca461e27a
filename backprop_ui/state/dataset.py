"""The Dataset page's state: one file, and what was found by looking at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import reflex as rx
from pydantic import ValidationError

from backprop_ui import data_views, uploads, wording
from backprop_ui.recipe_form import build_recipe, recipe_errors, recipe_texts
from backprop_ui.views import Problem, problem_of
from engine import api
from engine.config import DataConfig, ModelConfig, RunConfig
from engine.errors import BackpropError

PAGE_ROWS = 10
XRAY_ROWS = 4
MAPPED_ROLES = ("prompt", "answer", "system", "text", "messages")
TABS = ("rows", "problems", "report", "xray", "filters")
TYPING_SECONDS = 0.5

Found = TypeVar("Found")


class DatasetState(rx.State):
    """Everything about one file; each part is looked for when its tab is opened."""

    path: str = ""
    path_text: str = ""
    layout: str = "auto"
    roles: dict[str, str] = dict.fromkeys(MAPPED_ROLES, "")
    columns: list[str] = []
    tab: str = "rows"
    busy: str = ""
    problem: Problem = Problem()

    facts: data_views.Facts = data_views.Facts()
    rows: list[data_views.DataRow] = []
    page: int = 0
    search: str = ""
    raw: bool = False

    bad_words: str = ""
    bad: list[data_views.Note] = []
    report: data_views.Report = data_views.Report()
    model: str = ""
    models: list[str] = []
    max_length: str = ""
    first: int = 0
    tokens: list[data_views.TokenRow] = []
    recipe: dict[str, str] = {}
    recipe_errors: dict[str, str] = {}
    steps: list[data_views.Share] = []
    name: str = ""
    saved: list[str] = []
    is_saved: bool = False
    _generation: int = 0
    _done: list[str] = []

    @rx.var
    def file_name(self) -> str:
        return wording.data_words(uploads.as_path(self.path)) if self.path else ""

    @rx.var
    def place(self) -> str:
        """Which rows are shown: 1 to 10 of 57."""
        last = min((self.page + 1) * PAGE_ROWS, self.facts.matching)
        return f"{self.page * PAGE_ROWS + 1:,} to {last:,} of {self.facts.matching:,}"

    @rx.var
    def has_later(self) -> bool:
        return (self.page + 1) * PAGE_ROWS < self.facts.matching

    @rx.var
    def left_words(self) -> str:
        """What the recipe leaves."""
        if not self.steps:
            return ""
        return f"{self.steps[-1].value} of {self.steps[0].value} rows stay."

    @rx.var
    def command(self) -> str:
        """The command that shows what the open tab shows."""
        if not self.path:
            return ""
        try:
            return api.data_command(self.tab, self._data(), self.model, int(self.max_length or 0))
        except (ValidationError, BackpropError, ValueError):
            return ""

    # Choosing

    @rx.event
    def open(self):
        """Begin with the file or the data set that the address names."""
        self.models = [preset.name for preset in api.presets()]
        defaults = api.settings()
        self.model = self.model or defaults.model.name
        self.max_length = self.max_length or str(defaults.training.max_length)
        self.saved = [saved.name for saved in api.list_data_sets()]
        wanted = self.router.url.query_parameters.get("set", "")
        return DatasetState.choose_saved(wanted) if wanted else None

    @rx.event
    def take_upload(self, token: str):
        try:
            return self._take(uploads.path_of(token))
        except BackpropError as error:
            self.problem = problem_of(error)
            return None

    @rx.event
    def type_path(self, text: str):
        self.path_text = text

    @rx.event
    def open_path(self):
        path = uploads.as_path(self.path_text)
        return self._take(path) if path else None

    @rx.event
    def choose_saved(self, name: str):
        for saved in api.list_data_sets():
            if saved.name == name:
                found = self._take(saved.data.path)
                self.layout = saved.data.format
                given = dict(choice.split("=", 1) for choice in saved.data.columns)
                self.roles = {role: given.get(role, "") for role in MAPPED_ROLES}
                self.recipe = recipe_texts(saved.data.recipe)
                self.name = name
                return found
        return None

    @rx.event
    def close(self):
        """Another file."""
        self._forget()
        self.path = self.path_text = ""

    @rx.event
    def choose_layout(self, layout: str):
        self.layout = layout
        return self._again()

    @rx.event
    def choose_column(self, role: str, column: str):
        if role in MAPPED_ROLES:
            self.roles = {**self.roles, role: column}
        return self._again()

    # Looking

    @rx.event
    def show_tab(self, tab: str):
        if tab not in TABS:
            return None
        self.tab = tab
        return DatasetState.look

    @rx.event
    def show_raw(self, view: str | list[str]):
        self.raw = view == "raw"

    @rx.event
    def turn(self, pages: int):
        self.page = max(0, self.page + pages)
        return DatasetState.load_rows

    @rx.event
    def search_for(self, text: str):
        self.search, self.page = text, 0
        return DatasetState.load_rows

    @rx.event
    def choose_model(self, name: str):
        self.model, self.first = name, 0
        self._done = [tab for tab in self._done if tab not in ("xray", "report")]
        return DatasetState.look

    @rx.event
    def choose_max_length(self, text: str):
        self.max_length = text
        self._done = [tab for tab in self._done if tab not in ("xray", "report")]
        return DatasetState.look_after_typing

    @rx.event
    def turn_xray(self, steps: int):
        self.first = max(0, self.first + steps * XRAY_ROWS)
        self._done = [tab for tab in self._done if tab != "xray"]
        return DatasetState.look

    @rx.event
    def edit_recipe(self, name: str, value: str):
        self.recipe = {**self.recipe, name: value}
        self._done = [tab for tab in self._done if tab != "filters"]
        return DatasetState.look_after_typing

    @rx.event(background=True)
    async def look_after_typing(self):
        async with self:
            self._generation += 1
            mine = self._generation
        await asyncio.sleep(TYPING_SECONDS)
        async with self:
            typed_on = mine != self._generation
        return None if typed_on else DatasetState.look

    @rx.event(background=True)
    async def load_rows(self):
        page, search = self.page, self.search
        found = await self._find(
            "rows", lambda data: api.data_preview(data, page, PAGE_ROWS, search)
        )
        if found is None:
            return
        async with self:
            self.facts = data_views.facts_of(found)
            self.columns = list(found.columns)
            name = Path(self.path).name
            self.rows = [data_views.data_row(row, name) for row in found.rows]

    @rx.event(background=True)
    async def look(self):
        """Look for what the open tab shows, unless it is there already."""
        async with self:
            tab = self.tab
            if tab in self._done or not self.path:
                return None
        match tab:
            case "rows":
                return DatasetState.load_rows
            case "problems":
                await self._look_for_problems()
            case "report":
                await self._look_for_report()
            case "xray":
                await self._look_at_tokens()
            case "filters":
                await self._count_rows()
        return None

    async def _look_for_problems(self) -> None:
        found = await self._find("problems", api.validate_data)
        if found is not None:
            async with self:
                self.bad_words = data_views.problem_words(found)
                self.bad = data_views.bad_rows(found, Path(self.path).name)

    async def _look_for_report(self) -> None:
        model, length = self.model, self.max_length
        found = await self._find(
            "report", lambda data: api.data_report(data, ModelConfig(name=model), int(length))
        )
        if found is not None:
            async with self:
                self.report = data_views.report_view(found)

    async def _look_at_tokens(self) -> None:
        model, length, first = self.model, self.max_length, self.first
        found = await self._find(
            "xray", lambda data: api.xray(_run(data, model, int(length)), first, XRAY_ROWS)
        )
        if found is not None:
            async with self:
                self.tokens = data_views.token_rows(found, Path(self.path).name)

    async def _count_rows(self) -> None:
        found = await self._find("filters", api.shape_data)
        async with self:
            self.steps = data_views.step_shares(found) if found else []

    async def _find(self, what: str, work: Callable[[DataConfig], Found]) -> Found | None:
        """Do slow work in a thread; None when it failed or when it is no longer wanted."""
        async with self:
            self.busy, self.problem = what, Problem()
            path = self.path
            try:
                data = self._data()
                self.recipe_errors = {}
            except ValidationError as error:
                self.recipe_errors, self.busy = recipe_errors(error), ""
                return None
        problem, found = Problem(), None
        try:
            found = await asyncio.to_thread(work, data)
        except BackpropError as error:
            problem = problem_of(error)
        except ValueError:
            problem = Problem("INPUT_VALIDATION_FAILED", "Give the max length as a whole number.")
        async with self:
            if self.path != path:
                return None
            self.busy = "" if self.busy == what else self.busy
            self.problem = problem
            self._done = [*self._done, what] if found is not None else self._done
        return found

    # Keeping

    @rx.event
    def type_name(self, text: str):
        self.name, self.is_saved = text, False

    @rx.event
    def save(self):
        try:
            api.save_data_set(self.name.strip(), self._data())
        except BackpropError as error:
            self.problem = problem_of(error)
            return
        except ValidationError as error:
            self.recipe_errors = recipe_errors(error)
            return
        self.saved = [saved.name for saved in api.list_data_sets()]
        self.is_saved = True

    def _data(self) -> DataConfig:
        columns = tuple(f"{role}={column}" for role, column in self.roles.items() if column)
        return DataConfig(
            path=Path(self.path),
            format=self.layout,
            columns=columns,
            recipe=build_recipe(self.recipe),
        )

    def _take(self, path: Path):
        try:
            api.check_page_path(path)
        except BackpropError as error:
            self.problem = problem_of(error)
            return None
        self._forget()
        self.path = self.path_text = str(path)
        return DatasetState.load_rows

    def _again(self):
        self._done = []
        self.page = 0
        return DatasetState.load_rows if self.tab == "rows" else [
            DatasetState.load_rows, DatasetState.look]  # fmt: skip

    def _forget(self) -> None:
        self.layout, self.tab, self.search, self.page, self.first = "auto", "rows", "", 0, 0
        self.roles = dict.fromkeys(MAPPED_ROLES, "")
        self.rows, self.bad, self.tokens, self.steps, self._done = [], [], [], [], []
        self.facts, self.report = data_views.Facts(), data_views.Report()
        self.bad_words, self.name, self.recipe, self.recipe_errors = "", "", {}, {}
        self.problem, self.is_saved = Problem(), False


def _run(data: DataConfig, model: str, max_length: int) -> RunConfig:
    """A training of these rows, with everything else as this person has it."""
    plain = api.train_defaults(data.path)
    training = plain.training.model_copy(update={"max_length": max_length})
    return plain.model_copy(
        update={"data": data, "model": ModelConfig(name=model), "training": training}
    )
