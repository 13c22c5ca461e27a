"""Masks, on the real starter and on templates of the families that the presets name."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import trl
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from engine.data.formats import Conversation, Message
from engine.data.template import ChatTemplate, Span, Tokens, mask_of, split_text, tokenize
from engine.errors import BackpropError
from tests.tiny_model import CHATML, tiny_tokenizer

WITH_MARKS = CHATML.replace(
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}",
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>\n' }}{% endif %}",
)
WITHOUT_END_IN_MARKS = WITH_MARKS.replace(
    "{{ message['content'] + '<|im_end|>' }}{% endgeneration %}",
    "{{ message['content'] }}{% endgeneration %}{{ '<|im_end|>' }}",
)
MISTRAL = (
    "{{ '<s>' }}{% for m in messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + '[/INST]' }}"
    "{% else %}{{ ' ' + m['content'] | trim + '</s>' }}{% endif %}{% endfor %}"
)
# Closes the whole conversation with a mark of its own.
PHI = (
    "{% for m in messages %}"
    "{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}"
    "{% endfor %}"
    "{{ '<|assistant|>\n' if add_generation_prompt else '<|endoftext|>' }}"
)
# Writes an empty thought into the last answer only, as Qwen 3 does.
THINKING = CHATML.replace(
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content']",
    "{{ '<|im_start|>' + message['role'] + '\n'"
    " + ('<think>\n\n</think>\n\n' if loop.last and message['role'] == 'assistant' else '')"
    " + message['content']",
)
# Opens a thought for the answer to come, which finished turns do not have (DeepSeek R1).
OPENS_A_THOUGHT = CHATML.replace("assistant\n' }}", "assistant\n<think>\n' }}")
WORDS_ONLY = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)

# No blanks at the ends: templates may trim those, which has a test of its own.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: text == text.strip()
)


@pytest.fixture(scope="module")
def starter_tokenizer(starter: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(starter)


def chat(*texts: str, system: str | None = None) -> Conversation:
    """Turns of user and assistant by turns; answers are trained."""
    turns = [
        Message("assistant", text, trained=True) if number % 2 else Message("user", text)
        for number, text in enumerate(texts)
    ]
    return Conversation((Message("system", system), *turns) if system else tuple(turns))


def trained_texts(tokens: Tokens, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The text of each unbroken run of trained tokens."""
    runs: list[list[int]] = []
    before = 0
    for number, trained in zip(tokens.input_ids, tokens.trained_mask, strict=True):
        if trained and not before:
            runs.append([])
        if trained:
            runs[-1].append(number)
        before = trained
    return [tokenizer.decode(run) for run in runs]


@settings(deadline=None, max_examples=80)
@given(texts=st.lists(TEXTS, min_size=2, max_size=6), system=st.none() | TEXTS)
def test_starter_trains_answers_and_their_ends(
    starter_tokenizer: PreTrainedTokenizerBase, texts: list[str], system: str | None
) -> None:
    # Its vocabulary lacks some bytes of rare characters.
    assume(all(starter_tokenizer.decode(starter_tokenizer(t)["input_ids"]) == t for t in texts))
    conversation = chat(*texts, system=system)
    tokens = tokenize(conversation, starter_tokenizer, 100_000)
    answers = [
        message.content + "<|im_end|>" for message in conversation.messages if message.trained
    ]
    assert trained_texts(tokens, starter_tokenizer) == answers
    whole = starter_tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in conversation.messages], return_dict=False
    )
    assert tokens.input_ids == whole


@settings(deadline=None, max_examples=40)
@given(texts=st.lists(TEXTS, min_size=2, max_size=6).filter(lambda texts: len(texts) % 2 == 0))
@pytest.mark.parametrize(
    ("template", "before", "after"),
    [
        (CHATML, "", "<|im_end|>"),
        (WITH_MARKS, "", "<|im_end|>"),
        (WITHOUT_END_IN_MARKS, "", "<|im_end|>"),
        (OPENS_A_THOUGHT, "", "<|im_end|>"),
        (MISTRAL, " ", "</s>"),
        (PHI, "", "<|end|>"),
        (WORDS_ONLY, "", "\n"),
    ],
)
def test_templates_of_many_kinds(template: str, before: str, after: str, texts: list[str]) -> None:
    tokenizer = tiny_tokenizer(template)
    tokens = tokenize(chat(*texts), tokenizer, 100_000)
    assert trained_texts(tokens, tokenizer) == [f"{before}{text}{after}" for text in texts[1::2]]


def test_thought_that_only_the_last_answer_has() -> None:
    tokenizer = tiny_tokenizer(THINKING)
    tokens = tokenize(chat("a", "b", "c", "d"), tokenizer, 1000)
    assert trained_texts(tokens, tokenizer) == ["b<|im_end|>", "<think>\n\n</think>\n\nd<|im_end|>"]


@pytest.mark.parametrize(
    ("family", "first", "last"),
    [
        ("qwen2_5", "b<|im_end|>", "d<|im_end|>"),
        ("qwen3", "b<|im_end|>", "<think>\n\n</think>\n\nd<|im_end|>"),
        ("qwen3_instruct_2507", "b<|im_end|>", "d<|im_end|>"),
        ("llama3_2", "b<|eot_id|>", "d<|eot_id|>"),
        ("gemma3", "b<end_of_turn>", "d<end_of_turn>"),
        ("phi3_5", "b<|end|>", "d<|end|>"),
        ("deepseek_r1_distill", "b<｜end▁of▁sentence｜>", "d<｜end▁of▁sentence｜>"),  # noqa: RUF001
    ],
)
def test_published_templates(family: str, first: str, last: str) -> None:
    """The templates of the presets' families, as TRL carries them."""
    path = Path(trl.__file__).parent / "chat_templates" / f"{family}.jinja"
    tokenizer = tiny_tokenizer(path.read_text(encoding="utf-8"))
    tokens = tokenize(chat("a", "b", "c", "d", system="Be brief."), tokenizer, 10_000)
    assert trained_texts(tokens, tokenizer) == [first, last]


def test_default_system_turn_of_the_starter_is_context(
    starter_tokenizer: PreTrainedTokenizerBase,
) -> None:
    tokens = tokenize(chat("Hi", "Hello"), starter_tokenizer, 1000)
    assert "You are a helpful AI assistant" in starter_tokenizer.decode(tokens.input_ids)
    assert trained_texts(tokens, starter_tokenizer) == ["Hello<|im_end|>"]


@pytest.mark.parametrize("answer", [" Hello ", "\nHello\n\n", "Hello\t"])
def test_blanks_around_an_answer(starter_tokenizer: PreTrainedTokenizerBase, answer: str) -> None:
    trained = trained_texts(
        tokenize(chat("Hi", answer), starter_tokenizer, 1000), starter_tokenizer
    )
    assert len(trained) == 1
    assert trained[0].strip() == "Hello<|im_end|>" or trained[0] == f"{answer}<|im_end|>"


def test_answer_that_holds_the_end_mark(starter_tokenizer: PreTrainedTokenizerBase) -> None:
    tokens = tokenize(chat("Hi", "a<|im_end|>\nb", "c", "d"), starter_tokenizer, 1000)
    assert trained_texts(tokens, starter_tokenizer) == ["a<|im_end|>\nb<|im_end|>", "d<|im_end|>"]


@pytest.mark.parametrize("template", [CHATML, WITH_MARKS])
def test_untrained_answers_are_context(template: str) -> None:
    tokenizer = tiny_tokenizer(template)
    messages = (
        *chat("a", "b", "c", "d").messages[:1],
        Message("assistant", "b"),
        *chat("c", "d").messages,
    )
    assert trained_texts(tokenize(Conversation(messages), tokenizer, 1000), tokenizer) == [
        "d<|im_end|>"
    ]


def test_own_masks_equal_those_of_a_marked_template() -> None:
    conversation = chat("one", "two", "three", "four", system="Be brief.")
    marked = tiny_tokenizer(WITH_MARKS)
    plain = tiny_tokenizer(CHATML)
    assert tokenize(conversation, marked, 1000) == tokenize(conversation, plain, 1000)


@pytest.mark.parametrize("length", [1, 5, 30, 10_000])
def test_truncation(starter_tokenizer: PreTrainedTokenizerBase, length: int) -> None:
    whole = tokenize(chat("Hi", "Hello there"), starter_tokenizer, 10_000)
    cut = tokenize(chat("Hi", "Hello there"), starter_tokenizer, length)
    assert cut.input_ids == whole.input_ids[:length]
    assert cut.trained_mask == whole.trained_mask[:length]
    assert cut.truncated == (length < len(whole.input_ids))


def test_plain_text_is_trained_whole(starter_tokenizer: PreTrainedTokenizerBase) -> None:
    (tokens,) = split_text("Once upon a time", starter_tokenizer, 100)
    assert starter_tokenizer.decode(tokens.input_ids) == "Once upon a time<|im_end|>"
    assert set(tokens.trained_mask) == {1}
    assert tokens.trained_count == len(tokens.input_ids) - 1


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60), limit=st.integers(2, 9))
def test_plain_text_is_split_and_no_token_lost(text: str, limit: int) -> None:
    tokenizer = tiny_tokenizer()
    (whole,) = split_text(text, tokenizer, 10_000)
    pieces = split_text(text, tokenizer, limit)
    assert all(len(piece.input_ids) <= limit and not piece.truncated for piece in pieces)
    joined = pieces[0].input_ids + [n for piece in pieces[1:] for n in piece.input_ids[1:]]
    assert joined == whole.input_ids
    assert sum(piece.trained_count for piece in pieces) == whole.trained_count
    for before, after in pairwise(pieces):
        assert (after.input_ids[0], after.trained_mask[0]) == (before.input_ids[-1], 0)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (None, "has no chat template"),
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}", "does not mark where"),
        ("{{ 'always the same' }}", "does not mark where"),
        ("{{ raise_exception('no') }}", "The chat template fails: no"),
        (
            "{% for m in messages %}{{ m['content'] ~ '\n' ~ m['content'] | length }}{% endfor %}",
            "changes other turns",
        ),
    ],
)
def test_unusable_templates(template: str | None, words: str) -> None:
    with pytest.raises(BackpropError) as caught:
        tokenize(chat("a", "b"), tiny_tokenizer(template), 100)
    assert caught.value.code == "INPUT_TEMPLATE_UNUSABLE"
    assert words in caught.value.message
    assert caught.value.hint


def test_row_that_the_template_refuses_is_named() -> None:
    turns = (Message("user", "a"), Message("user", "b"), Message("assistant", "c", trained=True))
    with pytest.raises(BackpropError) as caught:
        tokenize(Conversation(turns, place="x.jsonl, line 8"), tiny_tokenizer(MISTRAL), 100)
    assert caught.value.code == "INPUT_DATA_INVALID"
    assert "x.jsonl, line 8" in caught.value.message
    assert "roles must alternate" in caught.value.cause


class SlowTokenizer:
    """A tokenizer without offsets, as a few old models have them."""

    is_fast = False

    def __init__(self, inner: PreTrainedTokenizerBase) -> None:
        self._inner = inner
        self.chat_template = inner.chat_template
        self.eos_token_id = inner.eos_token_id

    def __call__(self, text: str, **options: bool) -> dict[str, Sequence[object]]:
        assert not options["return_offsets_mapping"]
        return {"input_ids": self._inner(text, **options)["input_ids"]}

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: object) -> object:
        return self._inner.apply_chat_template(conversation, **options)


def test_tokenizer_without_offsets(starter_tokenizer: PreTrainedTokenizerBase) -> None:
    conversation = chat("Hi", "Grüße 🗼", "More", "Two words")
    slow = tokenize(conversation, SlowTokenizer(starter_tokenizer), 1000)
    assert slow == tokenize(conversation, starter_tokenizer, 1000)


@pytest.mark.parametrize(
    ("offsets", "mask"),
    [
        # "ab  cd\n|" with the span "  cd": exact; blanks left out; a token across the border
        ([(0, 2), (2, 6), (6, 7), (7, 8)], [0, 1, 0, 0]),
        ([(0, 2), (4, 6), (6, 7), (7, 8)], [0, 1, 0, 0]),
        ([(0, 3), (3, 6), (6, 8)], [0, 1, 0]),
        ([(0, 2), (2, 5), (5, 7), (7, 8)], [0, 1, 1, 0]),
        ([(0, 2), (2, 5), (5, 8)], [0, 1, 0]),
        # one character in three tokens; a token of no characters
        ([(0, 2), (2, 5), (5, 6), (5, 6), (5, 6), (6, 8)], [0, 1, 1, 1, 1, 0]),
        ([(0, 0), (0, 2), (2, 2), (2, 6), (6, 8)], [0, 0, 0, 1, 0]),
    ],
)
def test_mask_of_offsets(offsets: list[tuple[int, int]], mask: list[int]) -> None:
    assert mask_of("ab  cd\n|", [Span(2, 6)], offsets) == mask


def test_end_of_turn_is_found_once() -> None:
    assert ChatTemplate(tiny_tokenizer(PHI)).end_of_turn == "<|end|>"
