"""The filters of the Dataset page, and the way from their texts to a Recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from engine.config import Recipe


@dataclass(frozen=True)
class Filter:
    """One control; `choices` make it a list to choose from."""

    name: str
    label: str
    placeholder: str = "any"
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def tip(self) -> str:
        return Recipe.model_fields[self.name].description or ""


_YES_NO = (("Keep them", ""), ("Leave them out", "true"))

FILTERS = (
    Filter("min_turns", "Fewest turns"),
    Filter("max_turns", "Most turns"),
    Filter("min_characters", "Fewest characters"),
    Filter("max_characters", "Most characters"),
    Filter("languages", "Languages", "en,de"),
    Filter("keep_matching", "Must contain", "a regular expression"),
    Filter("drop_matching", "Must not contain", "a regular expression"),
    Filter("drop_leaks", "Keys and personal data", choices=_YES_NO),
    Filter("drop_boilerplate", "Refusals", choices=_YES_NO),
    Filter(
        "dedupe",
        "Duplicates",
        choices=(("Keep them", ""), ("Drop exact", "exact"), ("Drop near", "near")),
    ),
    Filter("sample", "Draw by chance", "all"),
)


def build_recipe(texts: Mapping[str, str]) -> Recipe:
    """Check everything at once. Raises pydantic's ValidationError."""
    return Recipe.model_validate({name: text for name, text in texts.items() if text.strip()})


def recipe_texts(recipe: Recipe) -> dict[str, str]:
    """The texts that make this recipe again; what is not set is empty."""
    given = recipe.model_dump(exclude_defaults=True)
    return {
        filter_.name: _text(given[filter_.name]) for filter_ in FILTERS if filter_.name in given
    }


def recipe_errors(error: ValidationError) -> dict[str, str]:
    """One sentence for each filter that cannot be used."""
    found: dict[str, str] = {}
    for item in error.errors():
        name = next((str(part) for part in item["loc"] if part in Recipe.model_fields), "")
        found.setdefault(name, f"{item['msg'].removeprefix('Value error, ')}.")
    return found


def _text(value: object) -> str:
    if value is True:
        return "true"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
