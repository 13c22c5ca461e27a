"""Tools, thoughts, ChatML, comparisons, judgements, and columns of unknown names."""

import json
from typing import Any

import pytest

from engine.data.formats import (
    Columns,
    Conversation,
    Judged,
    Message,
    Preference,
    Tool,
    ToolCall,
    columns_of,
    detect,
    to_conversation,
    to_example,
)
from engine.data.rows import Row
from engine.errors import BackpropError

USER = Message("user", "Hi")
GOOD = Message("assistant", "Hello", trained=True)
BAD = Message("assistant", "Go away", trained=True)
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
OTHER_TURNS = [TURNS[0], {"role": "assistant", "content": "Go away"}]
CALL = ToolCall("add", '{"a": 1}', "c1")


def row(**data: Any) -> Row:
    return Row(3, data, "a.jsonl")


@pytest.mark.parametrize(
    "data",
    [
        {"prompt": "Hi", "chosen": "Hello", "rejected": "Go away"},
        {"question": "Hi", "chosen": "Hello", "rejected": "Go away"},
        {"prompt": TURNS[:1], "chosen": TURNS[1:], "rejected": OTHER_TURNS[1:]},
        {"chosen": TURNS, "rejected": OTHER_TURNS},
        {"prompt": "Hi", "chosen": TURNS, "rejected": OTHER_TURNS},
        {"prompt": TURNS[:1], "chosen": TURNS[1], "rejected": OTHER_TURNS[1]},
        {"prompt": "Hi", "chosen": json.dumps(TURNS), "rejected": json.dumps(OTHER_TURNS)},
    ],
)
def test_comparisons(data: dict[str, Any]) -> None:
    assert detect([row(**data)]).format == "preference"
    assert to_example(row(**data), "preference") == Preference(
        (USER,), (GOOD,), (BAD,), "a.jsonl, line 3"
    )


def test_comparison_without_prompt() -> None:
    found = to_example(row(chosen="Hello", rejected="Go away"), "preference")
    assert found == Preference((), (GOOD,), (BAD,), "a.jsonl, line 3")


@pytest.mark.parametrize("label", [True, 1, "true", "1", "Yes"])
@pytest.mark.parametrize("prompt", ["Hi", TURNS[:1]])
def test_judgements(label: object, prompt: object) -> None:
    data = {"prompt": prompt, "completion": "Hello", "label": label}
    assert detect([row(**data)]).format == "kto"
    assert to_example(row(**data), "kto") == Judged((USER,), (GOOD,), True, "a.jsonl, line 3")


@pytest.mark.parametrize(
    ("data", "layout", "words"),
    [
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "preference", "are the same"),
        ({"chosen": TURNS[:1], "rejected": "b"}, "preference", "does not end with an answer"),
        ({"chosen": 5, "rejected": "b"}, "preference", "chosen is not a text"),
        ({"prompt": "a", "completion": "b", "label": 7}, "kto", "neither true nor false"),
        ({"prompt": "a", "completion": "b", "label": None}, "kto", "neither true nor false"),
        ({"text": "<|im_start|>king\nHi<|im_end|>"}, "chatml", "unknown role 'king'"),
        ({"text": "<|im_start|>user\nHi<|im_end|> and"}, "chatml", "outside of the turns"),
        ({"messages": TURNS, "tools": [{"x": 1}]}, "messages", "a tool has no name"),
        ({"messages": '[{"role": '}, "messages", "not a list in JSON"),
    ],
)
def test_what_cannot_be_used(data: dict[str, Any], layout: Any, words: str) -> None:
    with pytest.raises(BackpropError, match=words) as caught:
        to_example(row(**data), layout)
    assert "a.jsonl, line 3" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("layout", ["preference", "kto"])
def test_comparisons_are_not_trained_on_yet(layout: Any) -> None:
    data = {"prompt": "Hi", "chosen": "a", "rejected": "b", "completion": "a", "label": True}
    with pytest.raises(BackpropError, match="cannot train on them"):
        to_conversation(row(**data), layout)


def test_chatml() -> None:
    text = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"
    assert detect([row(text=text)]).format == "chatml"
    assert to_conversation(row(text=text), "chatml").messages == (USER, GOOD)


def test_tool_calls_and_results() -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {}}}
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    turns = [
        TURNS[0],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        TURNS[1],
    ]
    found = to_conversation(row(messages=turns, tools=[tool]), "messages")
    assert found == Conversation(
        (
            USER,
            Message("assistant", "", trained=True, tool_calls=(CALL,)),
            Message("tool", "2", call_id="c1"),
            GOOD,
        ),
        place="a.jsonl, line 3",
        tools=(Tool("add", json.dumps(tool)),),
    )


@pytest.mark.parametrize(
    "value",
    [
        '{"name": "add", "arguments": {"a": 1}}',
        '[{"name": "add", "arguments": "{\\"a\\": 1}"}]',
        '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>',
    ],
)
def test_calls_of_sharegpt_join_what_is_said_before(value: str) -> None:
    turns = [
        {"from": "human", "value": "Hi"},
        {"from": "gpt", "value": "Let me see."},
        {"from": "function_call", "value": value},
        {"from": "observation", "value": "2"},
        {"from": "gpt", "value": "Hello"},
    ]
    found = to_conversation(row(conversations=turns, tools="[]", system="Be brief."), "sharegpt")
    calls = (ToolCall("add", '{"a": 1}'),)
    assert found.messages == (
        Message("system", "Be brief."),
        USER,
        Message("assistant", "Let me see.", trained=True, tool_calls=calls),
        Message("tool", "2"),
        GOOD,
    )


def test_thoughts() -> None:
    kept = to_conversation(
        row(prompt="Hi", completion="<think>Hm</think>Hello"), "prompt_completion"
    )
    assert kept.messages[-1].content == "<think>Hm</think>Hello"
    turns = [TURNS[0], {**TURNS[1], "reasoning_content": "Hm"}]
    assert to_conversation(row(messages=turns), "messages").messages[-1].thinking == "Hm"


@pytest.mark.parametrize(
    ("choices", "data", "layout"),
    [
        (["prompt=q", "answer=a"], {"q": "Hi", "a": "Hello"}, "prompt_completion"),
        (["prompt=q", "input=i", "answer=a"], {"q": "Hi", "i": "", "a": "Hello"}, "alpaca"),
        (["messages=chat"], {"chat": TURNS}, "messages"),
        (["messages=chat"], {"chat": json.dumps(TURNS)}, "messages"),
    ],
)
def test_columns(choices: list[str], data: dict[str, Any], layout: str) -> None:
    columns = columns_of(choices)
    found = detect([row(**data, other=1)], columns)
    assert found.format == layout
    assert to_conversation(row(**data), found.format, columns).messages == (USER, GOOD)


def test_columns_that_are_missing_or_unknown() -> None:
    with pytest.raises(BackpropError, match="no column 'q'") as caught:
        detect([row(x=1, y=2)], Columns((("prompt", "q"),)))
    assert "x, y" in caught.value.hint
    for choice in ("question", "king=q", "prompt="):
        with pytest.raises(BackpropError, match="does not say what one column is"):
            columns_of([choice])


def test_hint_guesses_the_columns() -> None:
    with pytest.raises(BackpropError) as caught:
        detect([row(question="Hi", reply="Hello")])
    assert "--columns prompt=question,answer=reply" in caught.value.hint


def test_confidence_is_that_of_the_least_sure_row() -> None:
    sure, unsure = row(conversations=[{"from": "human", "value": "x"}]), row(conversations=[])
    assert detect([sure]).confidence > 0.9
    assert detect([sure, unsure]).confidence == 0.5


def test_mixed_layouts_are_told_with_their_rows() -> None:
    rows = [row(text="a"), Row(7, {"prompt": "a", "completion": "b"}, "a.jsonl"), row(text="b")]
    with pytest.raises(BackpropError, match="2 text, 1 prompt_completion; others at line 7"):
        detect(rows)
