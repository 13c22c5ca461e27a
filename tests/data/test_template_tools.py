"""Tool calls, tool results and thoughts, written out by published templates."""

import json
from pathlib import Path

import pytest

from engine.data.formats import Conversation, Message, Tool, ToolCall
from engine.data.template import ChatTemplate
from engine.errors import BackpropError
from tests.tiny_model import CHATML, tiny_tokenizer

TEMPLATES = Path(__file__).parent / "templates"
DEFINITION = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
TOOLS = (Tool("add", json.dumps(DEFINITION)),)
CHAT = (
    Message("user", "1 and 2?"),
    Message("assistant", "", trained=True, tool_calls=(ToolCall("add", '{"a": 1}', "c1"),)),
    Message("tool", "3", call_id="c1"),
    Message("assistant", "It is 3.", trained=True),
)


def trained(name: str, conversation: Conversation) -> list[str]:
    source = CHATML if name == "chatml" else (TEMPLATES / f"{name}.jinja").read_text()
    tokenizer = tiny_tokenizer(source)
    template = ChatTemplate(tokenizer)
    tokens = template.tokenize(conversation, 100_000)
    text, spans = template.trained_spans(conversation.messages, conversation.tools)
    pieces = [text[span.start : span.end] for span in spans]
    learned = [n for n, mask in zip(tokens.input_ids, tokens.trained_mask, strict=True) if mask]
    assert tokenizer.decode(learned) == "".join(pieces)
    return pieces


@pytest.mark.parametrize(
    "name", ["qwen2_5", "qwen3", "qwen3_instruct_2507", "llama3_1", "llama3_2"]
)
def test_calls_are_trained_and_results_are_not(name: str) -> None:
    call, answer = trained(name, Conversation(CHAT, tools=TOOLS))
    end = "<|eot_id|>" if name.startswith("llama") else "<|im_end|>"
    assert '"name": "add"' in call
    assert call.endswith(end)
    assert answer.endswith(f"It is 3.{end}")
    assert "3" not in call


@pytest.mark.parametrize("name", ["smollm2", "chatml"])
def test_template_that_writes_no_tools_is_refused(name: str) -> None:
    with pytest.raises(BackpropError, match="does not write down the tools") as caught:
        trained(name, Conversation(CHAT, tools=TOOLS))
    assert caught.value.code == "INPUT_TEMPLATE_UNUSABLE"
    with pytest.raises(BackpropError, match="leaves out tool calls"):
        trained(name, Conversation(CHAT))


@pytest.mark.parametrize("name", ["qwen3", "smollm2", "llama3_2"])
def test_thought_of_the_answer_is_trained(name: str) -> None:
    chat = (Message("user", "Hi"), Message("assistant", "Hello", trained=True, thinking="Hm."))
    (piece,) = trained(name, Conversation(chat))
    assert piece.startswith("<think>\nHm.\n</think>\n\nHello")
