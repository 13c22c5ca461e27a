"""Short chats for measurements: made from a small grammar, the same ones every time."""

from __future__ import annotations

import json
import random
from pathlib import Path

_TOPICS = (
    "a bicycle",
    "sourdough bread",
    "a compost heap",
    "the moon",
    "a violin",
    "glass",
    "a sailing boat",
    "tea",
    "a volcano",
    "paper",
    "an orchard",
    "the tides",
    "a letter",
    "rust",
    "honey",
    "a compass",
)
_OPENERS = (
    "Most people meet {topic} early and think about it late.",
    "The short answer is that {topic} rewards patience.",
    "There are three things worth knowing about {topic}.",
    "Start with what you can see of {topic} today.",
    "Nobody agrees about {topic}, which makes it fun.",
)
_SUBJECTS = (
    "the surface",
    "a small change",
    "cold weather",
    "the oldest part",
    "every second attempt",
    "a patient beginner",
    "the weight of it",
    "good light",
    "the maker",
    "salt",
    "what you hear first",
)
_VERBS = (
    "hides",
    "softens",
    "decides",
    "slowly ruins",
    "explains",
    "carries",
    "outlasts",
    "doubles",
    "follows",
)
_OBJECTS = (
    "the shape beneath",
    "more than the price",
    "whatever was left out",
    "the next season",
    "a habit you forgot",
    "the sound of the room",
    "half of the work",
    "its own reason",
    "the edges",
)
_TAILS = (
    "",
    " before noon",
    ", unless it rains",
    " and nobody minds",
    ", so keep notes",
    " in most kitchens",
    ", as sailors knew",
    " twice a year",
)
_SHORTEST, _LONGEST = 1, 26


def write_chats(path: Path, count: int, seed: int) -> Path:
    """Write `count` chats as JSONL; answers have from one sentence to two dozen, most are short."""
    numbers = random.Random(seed)
    lines = (json.dumps(_chat(numbers)) + "\n" for _ in range(count))
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _chat(numbers: random.Random) -> dict[str, list[dict[str, str]]]:
    topic = numbers.choice(_TOPICS)
    sentences = round(_SHORTEST + (_LONGEST - _SHORTEST) * numbers.random() ** 2.5)
    answer = [numbers.choice(_OPENERS).format(topic=topic)]
    answer += [_sentence(numbers) for _ in range(sentences)]
    return {
        "messages": [
            {"role": "user", "content": f"Tell me something about {topic}."},
            {"role": "assistant", "content": " ".join(answer)},
        ]
    }


def _sentence(numbers: random.Random) -> str:
    words = (numbers.choice(part) for part in (_SUBJECTS, _VERBS, _OBJECTS))
    return " ".join(words).capitalize() + numbers.choice(_TAILS) + "."
