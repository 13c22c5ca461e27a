from typing import Any

import pytest

from engine.data.formats import Conversation, Format, Message, detect, to_conversation
from engine.data.read import Row
from engine.errors import BackpropError

USER = Message("user", "Hi")
ANSWER = Message("assistant", "Hello", trained=True)


def row(line: int = 3, **data: Any) -> Row:
    return Row(line, data, "chats.jsonl")


SHAREGPT = row(conversations=[{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}])
MESSAGES = row(
    messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
)
ALPACA = row(instruction="Hi", input="", output="Hello")
PAIR = row(prompt="Hi", completion="Hello")


@pytest.mark.parametrize(
    ("given", "layout"),
    [
        (SHAREGPT, "sharegpt"),
        (MESSAGES, "messages"),
        (row(conversations=MESSAGES.data["messages"]), "messages"),
        (ALPACA, "alpaca"),
        (row(instruction="Hi", response="Hello"), "alpaca"),
        (PAIR, "prompt_completion"),
        (
            row(
                prompt=[{"role": "user", "content": "Hi"}],
                completion=[{"role": "assistant", "content": "Hello"}],
            ),
            "prompt_completion",
        ),
    ],
)
def test_layouts_of_the_same_exchange(given: Row, layout: Format) -> None:
    found = detect([given])
    assert found.format == layout
    assert found.reason
    conversation = to_conversation(given, layout)
    assert conversation == Conversation((USER, ANSWER), place="chats.jsonl, line 3")


def test_plain_text() -> None:
    given = row(text="Once upon a time", id=7)
    assert detect([given]).format == "text"
    assert to_conversation(given, "text").text == "Once upon a time"


def test_alpaca_with_input_and_system() -> None:
    given = row(instruction="Add.", input="1 2", output="3", system="Be brief.")
    assert to_conversation(given, "alpaca").messages == (
        Message("system", "Be brief."),
        Message("user", "Add.\n\n1 2"),
        Message("assistant", "3", trained=True),
    )


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("human", "user"),
        ("Human", "user"),
        ("gpt", "assistant"),
        ("model", "assistant"),
        ("system", "system"),
        ("developer", "system"),
        ("tool", "tool"),
    ],
)
def test_roles(name: str, role: str) -> None:
    turns = [
        {"from": "human", "value": "q"},
        {"from": name, "value": "x"},
        {"from": "gpt", "value": "a"},
    ]
    assert to_conversation(row(conversations=turns), "sharegpt").messages[1].role == role


def test_answers_in_a_prompt_are_context() -> None:
    given = row(
        prompt=[*MESSAGES.data["messages"], {"role": "user", "content": "More"}],  # type: ignore[misc]
        completion=[{"role": "assistant", "content": "Yes"}],
    )
    trained = [m.trained for m in to_conversation(given, "prompt_completion").messages]
    assert trained == [False, False, False, True]


def test_weight_zero_greetings_and_empty_answers_are_context() -> None:
    turns = [
        {"role": "assistant", "content": "Welcome"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hm", "weight": 0},
        {"role": "assistant", "content": " \n"},
        {"role": "assistant", "content": "Hello", "weight": 1},
    ]
    conversation = to_conversation(row(messages=turns), "messages")
    assert [message.trained for message in conversation.messages] == [False] * 4 + [True]


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": "He"}, {"type": "text", "text": "llo"}]
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": parts}]
    assert to_conversation(row(messages=turns), "messages").messages[1] == ANSWER


@pytest.mark.parametrize(
    ("data", "layout", "words"),
    [
        ({"messages": "Hi"}, "messages", "messages is not a list"),
        ({}, "messages", "messages is missing"),
        ({"messages": []}, "messages", "there are no turns"),
        ({"conversations": []}, "sharegpt", "there are no turns"),
        ({"messages": ["Hi"]}, "messages", "turn 1 is not an object"),
        ({"messages": [{"role": "king", "content": "Hi"}]}, "messages", "unknown role 'king'"),
        ({"messages": [{"content": "Hi"}]}, "messages", "unknown role None"),
        ({"messages": [{"role": "user", "content": None}]}, "messages", "content is not a text"),
        ({"messages": [{"role": "user"}]}, "messages", "value is missing"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages", "says nothing"),
        (
            {"messages": [{"role": "user", "content": "Hi", "tool_calls": [1]}]},
            "messages",
            "a tool",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages", "than text"),
        ({"instruction": 5, "output": "a"}, "alpaca", "instruction is not a text"),
        ({"instruction": "a", "output": "b", "input": 5}, "alpaca", "input is not a text"),
        ({"prompt": "a", "completion": None}, "prompt_completion", "completion is not a text"),
        ({"text": ["a"]}, "text", "text is not a text"),
        ({"text": "half \ud83d"}, "text", "half of a character"),
    ],
)
def test_bad_rows_name_their_line(data: dict[str, object], layout: Format, words: str) -> None:
    with pytest.raises(BackpropError) as caught:
        to_conversation(Row(41, data, "chats.jsonl"), layout)
    assert caught.value.code == "INPUT_DATA_INVALID"
    assert "chats.jsonl, line 41: " in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


def test_unknown_layout_names_the_keys() -> None:
    with pytest.raises(BackpropError, match="found the keys question, reply"):
        detect([row(question="Hi", reply="Hello")])


def test_layouts_do_not_mix() -> None:
    with pytest.raises(BackpropError, match="line 9: this row looks like alpaca"):
        detect([SHAREGPT, row(9, **ALPACA.data)])
