"""Round trip and masks over the templates that models were published with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import trl
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.formats import Conversation, Message
from engine.data.template import ChatTemplate
from engine.models.starter import find_wheel_gguf
from tests.tiny_model import tiny_tokenizer

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Published:
    """What is known of a template: how it ends a turn, and whether it takes a system turn."""

    name: str
    end: str
    takes_system: bool = True
    last_opens_with: str = ""


PUBLISHED = (
    Published("smollm2", "<|im_end|>"),
    Published("qwen2_5", "<|im_end|>"),
    Published("qwen3", "<|im_end|>", last_opens_with="<think>\n\n</think>\n\n"),
    Published("qwen3_instruct_2507", "<|im_end|>"),
    Published("llama3", "<|eot_id|>"),
    Published("llama3_1", "<|eot_id|>"),
    Published("llama3_2", "<|eot_id|>"),
    Published("gemma", "<end_of_turn>", takes_system=False),
    Published("gemma3", "<end_of_turn>"),
    Published("phi3", "<|end|>"),
    Published("phi3_5", "<|end|>"),
    Published("deepseek_r1_distill", "<｜end▁of▁sentence｜>"),  # noqa: RUF001
)

# No blanks at the ends, which some templates trim, and none of the marks of a thought.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    lambda text: text == text.strip() and "think>" not in text
)
CHATS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4)


def template_of(published: Published) -> str:
    return (TEMPLATES / f"{published.name}.jinja").read_text(encoding="utf-8")


def test_every_file_is_tested_and_its_source_told() -> None:
    names = sorted(path.stem for path in TEMPLATES.glob("*.jinja"))
    assert names == sorted(published.name for published in PUBLISHED)
    sources = (TEMPLATES / "README.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}.jinja`" not in sources] == []


def test_files_are_the_packages_own() -> None:
    shipped = Path(trl.__file__).parent / "chat_templates"
    differing = [
        published.name
        for published in PUBLISHED
        if published.name != "smollm2"
        and (shipped / f"{published.name}.jinja").read_bytes()
        != (TEMPLATES / f"{published.name}.jinja").read_bytes()
    ]
    assert differing == []
    smollm2 = (TEMPLATES / "smollm2.jinja").read_bytes()
    assert smollm2 in find_wheel_gguf().read_bytes()[:8_000_000]


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
@settings(deadline=None, max_examples=30)
@given(chat=CHATS, system=st.none() | TEXTS)
def test_round_trip_and_masks(
    published: Published, chat: list[tuple[str, str]], system: str | None
) -> None:
    tokenizer = tiny_tokenizer(template_of(published))
    before = [Message("system", system)] if system and published.takes_system else []
    turns = [
        message
        for question, answer in chat
        for message in (Message("user", question), Message("assistant", answer, trained=True))
    ]
    conversation = Conversation((*before, *turns))
    template = ChatTemplate(tokenizer)
    tokens = template.tokenize(conversation, 1_000_000)
    text, spans = template.trained_spans(conversation.messages)

    assert tokenizer.decode(tokens.input_ids) == text
    assert all(message.content in text for message in conversation.messages)
    trained = [text[span.start : span.end] for span in spans]
    answers = [answer for _, answer in chat]
    openings = [""] * (len(answers) - 1) + [published.last_opens_with]
    assert trained == [
        opening + answer + published.end for opening, answer in zip(openings, answers, strict=True)
    ]
    learned = [n for n, mask in zip(tokens.input_ids, tokens.trained_mask, strict=True) if mask]
    assert tokenizer.decode(learned) == "".join(trained)
