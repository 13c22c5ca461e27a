"""The columns that we prepare are those that TRL turns into labels."""

from pathlib import Path

from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer

from engine.config import DataConfig, RunConfig
from engine.data.prepare import prepare
from engine.models.load import load_tokenizer
from engine.models.resolve import resolve

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.jsonl"


def test_labels_are_the_trained_tokens(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(resolve(str(tiny_model)))
    data = prepare(RunConfig(data=DataConfig(path=QUICKSTART)), tokenizer)
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_model),
        args=SFTConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=len(data.train),
            padding_free=True,
            max_length=None,
            use_cpu=True,
            bf16=False,
            activation_checkpointing=False,
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=data.train,
        processing_class=tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    trained = batch["labels"] != -100
    assert int(trained.sum()) == data.loaded.trained_tokens
    assert batch["input_ids"].numel() == data.loaded.tokens
    assert bool((batch["labels"][trained] == batch["input_ids"][trained]).all())
