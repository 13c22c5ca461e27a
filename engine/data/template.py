"""From conversations to tokens, and which of them are trained, by the model's own template.

    <|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\nHello!<|im_end|>\\n
                                                         ╰── trained ──╯

A trained span begins where the generation prompt ends and closes with the mark that ends the
turn, so that the model learns to stop. Templates differ by place: Qwen 3 writes an empty thought
into the last answer only, SmolLM2 a system prompt where none is given. So spans are found in the
rendered text of the whole conversation, by rendering it again with one answer replaced, never
by putting pieces together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Protocol

from jinja2.exceptions import TemplateError

from engine.data.formats import Conversation, Message, Tool
from engine.errors import BackpropError

# Takes the place of an answer while its place is searched: plain, so that no template alters it.
_STAND_IN = "Qz7answerstandsherevX4"
_QUESTION = Message("user", "Hi")
# Llama 3 writes today's date into its system turn. A run that is resumed tomorrow must see the
# same tokens, so it gets the date that the template itself falls back to.
_TODAY = "26 Jul 2024"


class ChatTokenizer(Protocol):
    """What we use of a transformers tokenizer."""

    chat_template: str | dict[str, str] | None
    eos_token_id: int | None
    is_fast: bool

    def __call__(
        self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool
    ) -> Mapping[str, Sequence[object]]: ...

    def apply_chat_template(
        self, conversation: list[dict[str, object]], **options: object
    ) -> object: ...


@dataclass(frozen=True)
class Tokens:
    """One example. `trained_mask` holds 1 for every token that is learned, 0 for context.

    `cut_ids` are the tokens beyond the longest allowed length: nobody trains on them.
    """

    input_ids: list[int]
    trained_mask: list[int]
    cut_ids: list[int] = field(default_factory=list)

    @property
    def truncated(self) -> bool:
        return bool(self.cut_ids)

    @property
    def trained_count(self) -> int:
        """Tokens with a loss. The first of a row has none: nothing comes before it."""
        return sum(self.trained_mask[1:])


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` (exclusive) of a rendered text."""

    start: int
    end: int


def tokenize(conversation: Conversation, tokenizer: ChatTokenizer, max_length: int) -> Tokens:
    """Tokens of one conversation; for many, make one `ChatTemplate` and keep it.

    Raises INPUT_TEMPLATE_UNUSABLE and INPUT_DATA_INVALID (the template refuses this row).
    """
    return ChatTemplate(tokenizer).tokenize(conversation, max_length)


def split_text(text: str, tokenizer: ChatTokenizer, max_length: int) -> list[Tokens]:
    """Plain text in pieces of at most `max_length` tokens; its end is marked.

    Every token but the very first is trained exactly once: a piece begins with the last token
    of the one before, as context.

        a b c d e </s>   max_length 3   →   a b c · (c) d e · (e) </s>
    """
    ids = _ids(tokenizer(text, add_special_tokens=True, return_offsets_mapping=False))
    if tokenizer.eos_token_id is not None and ids[-1:] != [tokenizer.eos_token_id]:
        ids.append(tokenizer.eos_token_id)
    step = max(1, max_length - 1)
    starts = range(0, max(1, len(ids) - 1), step)
    pieces = [ids[start : start + max_length] for start in starts]
    first, *others = ([1] * len(piece) for piece in pieces)
    masks = [first, *([0, *mask[1:]] for mask in others)]
    return [Tokens(piece, mask) for piece, mask in zip(pieces, masks, strict=True)]


class ChatTemplate:
    """A tokenizer's chat template, with what was found out about it once."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        if not tokenizer.chat_template:
            raise _unusable("This model has no chat template.")
        self._tokenizer = tokenizer
        self._takes_thinking = False
        self.end_of_turn = self._find_end_of_turn()
        self._takes_thinking = self._writes_thinking()
        self._marks_answers = self._marks_whole_answers()

    def tokenize(self, conversation: Conversation, max_length: int) -> Tokens:
        """Tokens and mask of a conversation, cut to `max_length` tokens."""
        try:
            ids, mask = self._masked(conversation.messages, conversation.tools)
        except TemplateError as error:
            raise _refused(conversation, error) from error
        return _truncated(ids, mask, max_length)

    def trained_spans(
        self, messages: Sequence[Message], tools: Sequence[Tool] = ()
    ) -> tuple[str, list[Span]]:
        """The rendered conversation, and the spans of its trained answers in it."""
        text = self._render(messages, tools)
        if any(tool.name not in text for tool in tools):
            raise _unusable("The chat template does not write down the tools of a row.")
        positions = [i for i, message in enumerate(messages) if message.trained]
        return text, [self._span(text, messages, tools, position) for position in positions]

    def _masked(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> tuple[list[int], list[int]]:
        answers = [message for message in messages if message.role == "assistant"]
        plain = not tools and not any(answer.tool_calls or answer.thinking for answer in answers)
        if plain and self._marks_answers and all(message.trained for message in answers):
            return self._masked_by_template(messages)
        text, spans = self.trained_spans(messages, tools)
        if self._tokenizer.is_fast:
            return self._masked_by_offsets(text, spans)
        return self._masked_by_prefixes(text, spans)

    def _render(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, prompt: bool = False
    ) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                _turns(messages, self._takes_thinking),
                tools=[json.loads(tool.definition) for tool in tools] or None,
                tokenize=False,
                add_generation_prompt=prompt,
                date_string=_TODAY,
            )
        )

    def _find_end_of_turn(self) -> str:
        """What follows every answer: "<|im_end|>", "</s>", "\n"."""
        stand_in = Message("assistant", _STAND_IN)
        try:
            last = self._render([_QUESTION, stand_in])
            early = self._render([_QUESTION, stand_in, _QUESTION, Message("assistant", "Yes")])
        except TemplateError as error:
            raise _unusable(f"The chat template fails: {error}") from error
        mark = _common_mark(last.partition(_STAND_IN)[2], early.partition(_STAND_IN)[2])
        if not mark:
            raise _unusable("The chat template does not mark where an answer ends.")
        return mark

    def _writes_thinking(self) -> bool:
        """Does the template write `reasoning_content`? Thoughts go into the content if not."""
        self._takes_thinking = True
        thinking = Message("assistant", "Yes", thinking=_STAND_IN)
        return _STAND_IN in self._render([_QUESTION, thinking])

    def _span(
        self, text: str, messages: Sequence[Message], tools: Sequence[Tool], position: int
    ) -> Span:
        """From the end of the generation prompt to the end of the turn."""
        if messages[position].tool_calls:
            return self._calling_span(text, messages, tools, position)
        answer_start, answer_end = self._answer(text, messages, tools, position)
        if not text.startswith(self.end_of_turn, answer_end):
            raise _unusable("The chat template ends answers in more than one way.")
        before = self._render(messages[:position], tools, prompt=True)
        is_prefix = text.startswith(before) and len(before) <= answer_start
        # Some generation prompts open a thought that a finished turn does not have.
        start = len(before) if is_prefix else answer_start
        return Span(start, answer_end + len(self.end_of_turn))

    def _calling_span(
        self, text: str, messages: Sequence[Message], tools: Sequence[Tool], position: int
    ) -> Span:
        """A turn that calls tools has no one place for a stand-in: it ends with the last mark
        before the text of the turn that follows."""
        before = self._render(messages[:position], tools, prompt=True)
        following = [replace(turn, content=_STAND_IN) for turn in messages[position + 1 :][:1]]
        through = _common(text, self._render([*messages[: position + 1], *following], tools))
        end = through.rfind(self.end_of_turn, len(before))
        if not text.startswith(before) or end < 0:
            raise _unusable("The chat template does not show where a tool call ends.")
        written = text[len(before) : end]
        message = messages[position]
        names = [call.name for call in message.tool_calls]
        if any(word not in written for word in [*names, message.content.strip()]):
            raise _unusable("The chat template leaves out tool calls, or what is said with them.")
        return Span(len(before), end + len(self.end_of_turn))

    def _answer(
        self, text: str, messages: Sequence[Message], tools: Sequence[Tool], position: int
    ) -> tuple[int, int]:
        """Where in `text` the answer itself stands."""
        replaced = list(messages)
        replaced[position] = replace(messages[position], content=_STAND_IN)
        before, found, after = self._render(replaced, tools).partition(_STAND_IN)
        end = len(text) - len(after)
        if not found or not text.startswith(before) or not text.endswith(after):
            raise _unusable("The chat template changes other turns when an answer changes.")
        if text[len(before) : end].strip() not in messages[position].content:
            raise _unusable("The chat template rewrites answers.")
        return len(before), end

    def _marks_whole_answers(self) -> bool:
        """Has the template {% generation %} marks that take in the end of the turn?"""
        template = self._tokenizer.chat_template
        if "generation %}" not in str(template) or not self._tokenizer.is_fast:
            return False
        probe = [_QUESTION, Message("assistant", _STAND_IN, trained=True)]
        text, spans = self.trained_spans(probe)
        _, ours = self._masked_by_offsets(text, spans)
        _, theirs = self._masked_by_template(probe)
        return all(marked for marked, needed in zip(theirs, ours, strict=True) if needed)

    def _masked_by_template(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        encoded = self._tokenizer.apply_chat_template(
            _turns(messages, self._takes_thinking),
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
            date_string=_TODAY,
        )
        if not isinstance(encoded, Mapping):
            raise TypeError("apply_chat_template did not return a mapping")
        return list(encoded["input_ids"]), list(encoded["assistant_masks"])

    def _masked_by_offsets(self, text: str, spans: list[Span]) -> tuple[list[int], list[int]]:
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return _ids(encoded), mask_of(text, spans, _offsets(encoded))

    def _masked_by_prefixes(self, text: str, spans: list[Span]) -> tuple[list[int], list[int]]:
        """For tokenizers without offsets: count the tokens of the text before each border."""
        ids = self._encode(text)
        mask = [0] * len(ids)
        for span in spans:
            before, through = self._encode(text[: span.start]), self._encode(text[: span.end])
            if ids[: len(before)] != before or ids[: len(through)] != through:
                raise _unusable("This tokenizer joins an answer with the text around it.")
            mask[len(before) : len(through)] = [1] * (len(through) - len(before))
        return ids, mask

    def _encode(self, text: str) -> list[int]:
        return _ids(self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=False))


def mask_of(text: str, spans: Sequence[Span], offsets: Sequence[tuple[int, int]]) -> list[int]:
    """1 for each token that lies in a span; one that reaches out of it is context.

    Tokenizers leave blanks out of offsets (" the" may be reported as "the"), so a token begins
    where the one before it ended. The blanks after a span may be part of its last token: some
    marks of a turn's end swallow the line break.
    """
    mask = [0] * len(offsets)
    remaining = list(spans)
    previous_end = 0
    for number, (reported_start, end) in enumerate(offsets):
        start = min(previous_end, reported_start)
        previous_end = max(previous_end, end)
        while remaining and start >= remaining[0].end:
            remaining.pop(0)
        if not remaining or start < remaining[0].start or end <= remaining[0].start:
            continue
        mask[number] = int(start + len(text[start:end].rstrip()) <= remaining[0].end)
    return mask


def _common_mark(last: str, early: str) -> str:
    """The mark that ends a turn, from what follows the last answer and what an earlier one.

    Phi-3: "<|end|>\n<|endoftext|>" and "<|end|>\n<|user|>…" → "<|end|>": where the two part,
    only whole lines count.
    """
    common = _common(last, early)
    if common != last:
        common = common[: common.rfind("\n") + 1]
    return common.rstrip() or common


def _common(one: str, other: str) -> str:
    """The beginning that two texts share."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(character for character, _ in pairs)


def _turns(messages: Sequence[Message], takes_thinking: bool) -> list[dict[str, object]]:
    return [_turn(message, takes_thinking) for message in messages]


def _turn(message: Message, takes_thinking: bool) -> dict[str, object]:
    """A message as templates expect it; what it does not have is left out."""
    turn: dict[str, object] = {"role": message.role, "content": message.content}
    if message.thinking and takes_thinking:
        turn["reasoning_content"] = message.thinking
    elif message.thinking:
        turn["content"] = f"<think>\n{message.thinking}\n</think>\n\n{message.content}"
    if message.tool_calls:
        turn["tool_calls"] = [
            {
                "type": "function",
                "id": call.id,
                "function": {"name": call.name, "arguments": json.loads(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.call_id:
        turn["tool_call_id"] = message.call_id
    if message.name:
        turn["name"] = message.name
    return turn


def _ids(encoded: Mapping[str, Sequence[object]]) -> list[int]:
    return [number for number in encoded["input_ids"] if isinstance(number, int)]


def _offsets(encoded: Mapping[str, Sequence[object]]) -> list[tuple[int, int]]:
    return [(pair[0], pair[1]) for pair in encoded["offset_mapping"] if isinstance(pair, tuple)]


def _truncated(ids: list[int], mask: list[int], max_length: int) -> Tokens:
    return Tokens(ids[:max_length], mask[:max_length], cut_ids=ids[max_length:])


def _unusable(message: str) -> BackpropError:
    return BackpropError(
        "INPUT_TEMPLATE_UNUSABLE",
        message,
        hint="Use the Instruct version of the model, or train on plain text (rows with text).",
    )


def _refused(conversation: Conversation, error: TemplateError) -> BackpropError:
    place = f"{conversation.place}: " if conversation.place else ""
    return BackpropError(
        "INPUT_DATA_INVALID",
        f"{place}the model's chat template refuses this conversation.",
        hint="Many templates want turns of user and assistant by turns, and some no system turn.",
        cause=str(error),
    )
