"""The picture is what the trainer computes: the same batches, the same labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM
from trl import SFTConfig

from engine.config import DataConfig, RunConfig, TrainingConfig
from engine.data.inspected import XrayRow
from engine.data.prepare import prepare
from engine.data.xray import token_texts, xray
from engine.models.load import load_tokenizer
from engine.models.resolve import resolve
from engine.training import batches
from engine.training.batches import make_collator, with_labels
from engine.training.callbacks import RunReporter
from engine.training.plan import plan_schedule
from engine.training.state import Progress
from engine.training.trainer import RunTrainer
from tests.tiny_model import tiny_tokenizer

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.jsonl"


def config(path: Path, max_length: int = 512, batch: int = 2) -> RunConfig:
    training = TrainingConfig(max_length=max_length, per_device_batch_size=batch)
    return RunConfig(data=DataConfig(path=path, eval_fraction=0), training=training)


def pairs(folder: Path, *rows: tuple[str, str]) -> Path:
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": q, "completion": a}) for q, a in rows))
    return path


def text_of(row: XrayRow, *states: str) -> str:
    return "".join(token.text for token in row.tokens if token.state in states)


def test_answers_are_trained_and_the_rest_is_context(tmp_path: Path) -> None:
    path = pairs(tmp_path, ("Hi", "Hello"), ("Bye", "See you"))
    found = xray(config(path), tiny_tokenizer(), 0, 10)
    assert found.format == "prompt_completion"
    assert [text_of(row, "trained") for row in found.rows] == [
        "Hello<|im_end|>",
        "See you<|im_end|>",
    ]
    assert text_of(found.rows[0], "masked", "trained") == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"
    )


def test_rows_of_a_batch_are_joined_and_the_border_is_shown(tmp_path: Path) -> None:
    path = pairs(tmp_path, *((f"q{n}", f"a{n}") for n in range(5)))
    found = xray(config(path, batch=2), tiny_tokenizer(), 0, 10)
    assert [row.batch for row in found.rows] == [0, 0, 1, 1, 2]
    assert [row.counts.boundary for row in found.rows] == [0, 1, 0, 1, 0]
    assert [row.place for row in found.rows][:2] == ["pairs.jsonl, line 1", "pairs.jsonl, line 2"]


def test_what_is_cut_off_and_what_is_left_out_are_shown(tmp_path: Path) -> None:
    path = pairs(tmp_path, ("q", "long " * 40), ("far " * 40, "never reached"), ("q", "short"))
    found = xray(config(path, max_length=60), tiny_tokenizer(), 0, 10)
    long, unreached, short = found.rows
    assert text_of(long, "masked", "trained").endswith("assistant\n" + "long " * 8)
    assert text_of(long, "truncated").endswith("long <|im_end|>\n")
    assert (unreached.left_out, unreached.counts.trained) == (True, 0)
    assert "never reached" in text_of(unreached, "truncated")
    assert short.counts.truncated == 0


def test_first_and_count_choose_the_rows(tmp_path: Path) -> None:
    path = pairs(tmp_path, *((f"q{n}", f"a{n}") for n in range(5)))
    found = xray(config(path), tiny_tokenizer(), 3, 10)
    assert [text_of(row, "trained") for row in found.rows] == ["a3<|im_end|>", "a4<|im_end|>"]


@pytest.mark.parametrize("text", ["plain", "Grüße", "日本語 🙂 x", "\N{FAMILY} e\u0301"])
def test_the_tokens_of_a_text_spell_it(text: str) -> None:
    tokenizer = tiny_tokenizer()
    assert "".join(token_texts(tokenizer(text)["input_ids"], tokenizer)) == text


def everything(input_ids: Sequence[int], assistant_masks: Sequence[int]) -> list[int]:
    return list(input_ids)


def nothing(input_ids: Sequence[int], assistant_masks: Sequence[int]) -> list[int]:
    return [batches.NOT_TRAINED] * len(input_ids)


@pytest.mark.parametrize("labels_of", [batches.labels_of, everything, nothing])
def test_another_mask_in_the_trainer_is_another_picture(
    labels_of: object, monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(batches, "labels_of", labels_of)
    tokenizer = load_tokenizer(resolve(str(tiny_model)))
    settings = config(QUICKSTART, batch=4)
    batch = next(iter(trainer(settings, tiny_model, tmp_path).get_eval_dataloader()))
    shown = [t for row in xray(settings, tokenizer, 0, 4).rows for t in row.tokens]
    assert [token.id for token in shown] == batch["input_ids"][0].tolist()
    trained = (batch["labels"][0] != batches.NOT_TRAINED).tolist()
    assert [token.state == "trained" for token in shown] == trained


class Silent:
    """Events that nobody reads."""

    def emit(self, event: object) -> None:
        """Say nothing."""


def trainer(settings: RunConfig, model: Path, folder: Path) -> RunTrainer:
    """The trainer of a run, whose evaluation goes through the rows in the file's order."""
    tokenizer = load_tokenizer(resolve(str(model)))
    rows = with_labels(prepare(settings, tokenizer).train)
    schedule = plan_schedule(settings.training, rows=len(rows), measures=True)
    return RunTrainer(
        run_dir=folder,
        keep_checkpoints=1,
        reporter=RunReporter(Silent(), schedule, Progress(), patience=None, scales_gradients=False),  # type: ignore[arg-type]
        collator=make_collator(tokenizer),
        model=AutoModelForCausalLM.from_pretrained(model),
        args=SFTConfig(
            output_dir=str(folder),
            per_device_eval_batch_size=settings.training.per_device_batch_size,
            padding_free=batches.PADDING_FREE,
            max_length=None,
            use_cpu=True,
            bf16=False,
            activation_checkpointing=False,
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
    )
