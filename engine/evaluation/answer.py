"""Child process: answer one question with the base model and with an adapter on top of it.

python -m engine.evaluation.answer     (reads one JSON request on stdin, writes one reply)
"""

from __future__ import annotations

import json
import os
import sys

import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from engine.errors import BackpropError
from engine.models.load import load_model, load_tokenizer, pick_device, pick_precision
from engine.models.resolve import resolve


def answer(model_name: str, adapter: str, question: str, max_new_tokens: int) -> tuple[str, str]:
    """The greedy answers (base, tuned) to one question, in the model's own chat template."""
    resolved = resolve(model_name)
    device = pick_device()
    tokenizer = load_tokenizer(resolved)
    base = load_model(resolved, pick_precision("auto", device), device)
    model = PeftModel.from_pretrained(base, adapter)
    model.eval()
    with model.disable_adapter():
        before = _generate(model, tokenizer, question, max_new_tokens)
    return before, _generate(model, tokenizer, question, max_new_tokens)


def _generate(
    model: PeftModel, tokenizer: PreTrainedTokenizerBase, question: str, max_new_tokens: int
) -> str:
    inputs = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    ).to(model.device)
    with torch.inference_mode():
        output = model.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id,
        )
    new_tokens = output[0, inputs["input_ids"].shape[1] :]
    return str(tokenizer.decode(new_tokens, skip_special_tokens=True)).strip()


def main() -> int:
    reply_pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print; the reply must stay clean
    request = json.load(sys.stdin)
    try:
        before, after = answer(**request)
    except BackpropError as error:
        failure = {"code": error.code, "message": error.message, "hint": error.hint}
        json.dump({"error": failure}, reply_pipe)
        return error.exit_code
    json.dump({"before": before, "after": after}, reply_pipe)
    return 0


if __name__ == "__main__":
    sys.exit(main())
