"""Training a tiny model: it learns, of the assistant's tokens alone, and goes on after SIGKILL as if nothing were."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from mlgym_synth.training.dry_run import dry_run
from mlgym_synth.training.errors import OutUnusable, TrainingDiverged, TrainingRefused
from mlgym_synth.training.masks import make_encoder
from mlgym_synth.training.recipe import SftRecipe, load_recipe
from mlgym_synth.training.run_folder import RunFolder, is_whole, mark_whole, seconds_until
from mlgym_synth.training.sft import train
from tests.training.test_masks import of_family
from tests.training.tiny import SCHEMA, a_model_folder, a_row, a_tokenizer, an_export

FAST = ["max_length=1024", "gradient_checkpointing=false", "learning_rate=0.01", "accumulation=2", "save_steps=4"]
LONG = [*FAST, "epochs=6", "save_steps=3"]


def a_recipe(model: Path, *changed: str) -> SftRecipe:
    return load_recipe(None, [*FAST, *changed], model=str(model))


def losses(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "loss.jsonl").read_text().splitlines()]


def loss_of_the_assistant(model: Path, rows: list[dict[str, Any]]) -> float:
    """Mean cross-entropy of what the assistant says, each conversation on its own, found by the text around it."""
    tokenizer, network = a_tokenizer(), AutoModelForCausalLM.from_pretrained(str(model))
    total, count = 0.0, 0
    for row in rows:
        text = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
        ids, labels = list[int](), list[int]()
        for place, part in enumerate(text.split("<|im_start|>assistant\n")):
            said, end, rest = part.partition("<|im_end|>") if place else ("", "", part)
            head = "<|im_start|>assistant\n" if place else ""
            for piece, is_said in ((head, False), (said + end, True), (rest, False)):
                tokens = tokenizer(piece)["input_ids"]
                ids += tokens
                labels += tokens if is_said else [-100] * len(tokens)
        logits = network(torch.tensor([ids])).logits[0, :-1]
        total += torch.nn.functional.cross_entropy(logits, torch.tensor(labels[1:]), reduction="sum").item()
        count += sum(label != -100 for label in labels[1:])
    return total / count


@pytest.fixture(scope="module")
def student(model: Path, export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train([export], a_recipe(model, "epochs=4"), tmp_path_factory.mktemp("students") / "first").out


def test_it_learns(student: Path, model: Path, export: Path) -> None:
    curve = losses(student)
    assert [loss["step"] for loss in curve] == list(range(1, 25))  # 12 conversations, 2 a step, 4 times
    assert curve[-1]["loss"] < curve[0]["loss"] / 2
    rows = [json.loads(line) for line in export.read_text().splitlines()]
    assert loss_of_the_assistant(student, rows) < loss_of_the_assistant(model, rows) / 2
    assert AutoTokenizer.from_pretrained(str(student)).chat_template == a_tokenizer().chat_template


def test_a_student_sees_histories_like_those_it_learned_from(export: Path, tmp_path: Path) -> None:
    base = a_model_folder(tmp_path / "base", of_family("qwen3"), qwen=True)
    out = train([export], a_recipe(base, "max_steps=1"), tmp_path / "out").out
    tokenizer, messages = AutoTokenizer.from_pretrained(str(out)), a_row()["messages"]
    learned = make_encoder(AutoTokenizer.from_pretrained(str(base)), with_tools=True).encode(messages, [SCHEMA])
    history = tokenizer.apply_chat_template(messages[:3], tools=[SCHEMA], return_dict=False)
    assert history == learned.ids[: len(history)].tolist()
    assert train([export], a_recipe(base, "max_steps=1"), tmp_path / "out").already


def test_a_second_time_does_nothing(student: Path, model: Path, export: Path) -> None:
    before = (student / "model.safetensors").stat().st_mtime_ns
    again = train([export], a_recipe(model, "epochs=4"), student)
    assert (again.already, again.steps) == (True, 24)
    assert (student / "model.safetensors").stat().st_mtime_ns == before


def test_a_model_that_was_not_saved_any_more_is_saved(student: Path, model: Path, export: Path, tmp_path: Path) -> None:
    """As after SIGKILL between the last checkpoint and the end."""
    out = shutil.copytree(student, tmp_path / "out")
    run = json.loads((out / "training.json").read_text())
    (out / "training.json").write_text(json.dumps({**run, "done": False}))
    (out / "model.safetensors").unlink()
    again = train([export], a_recipe(model, "epochs=4"), out)
    assert (again.steps, again.resumed_from, again.already) == (24, 24, False)
    assert losses(out) == losses(student)
    assert (out / "model.safetensors").read_bytes() == (student / "model.safetensors").read_bytes()


def test_the_card_tells_all(student: Path, model: Path, export: Path) -> None:
    card = (student / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["pipeline_tag"] == "text-generation"
    assert f"| sft.jsonl | 12 | `{hashlib.sha256(export.read_bytes()).hexdigest()}` |" in card
    assert hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest() in card
    assert a_recipe(model, "epochs=4").sha256() in card
    assert f"| torch | {version('torch')} |" in card
    assert "12 of 12 conversations about 12 tasks (splits: train 12)" in card
    run = json.loads((student / "training.json").read_text())
    assert run["done"] is True
    assert run["results"]["last_loss"] == losses(student)[-1]["loss"]


def test_steps_without_a_line_in_the_curve_count(model: Path, export: Path, tmp_path: Path) -> None:
    changed = ["max_steps=5", "log_steps=4"]
    trained = train([export], a_recipe(model, *changed), tmp_path / "out")
    assert [loss["step"] for loss in losses(tmp_path / "out")] == [4]
    assert trained.steps == 5
    assert json.loads((tmp_path / "out" / "training.json").read_text())["results"]["steps"] == 5
    assert "5 steps in" in (tmp_path / "out" / "README.md").read_text()
    assert train([export], a_recipe(model, *changed), tmp_path / "out").steps == 5


def test_seconds_are_those_of_all_processes(student: Path, model: Path, export: Path, tmp_path: Path) -> None:
    out = shutil.copytree(student, tmp_path / "out")
    run = json.loads((out / "training.json").read_text())
    (out / "training.json").write_text(json.dumps({**run, "done": False}))
    assert 0 < seconds_until(out / "checkpoint-24") <= run["results"]["seconds"]
    mark_whole(out / "checkpoint-24", 7200.0)
    train([export], a_recipe(model, "epochs=4"), out)
    assert 7200 < json.loads((out / "training.json").read_text())["results"]["seconds"] < 7260
    assert "24 steps in 2.00 h, all resumptions together" in (out / "README.md").read_text()


@pytest.mark.parametrize("packing", [False, True])
def test_the_loss_is_of_the_assistant_alone(packing: bool, student: Path, tmp_path: Path) -> None:
    """Packed conversations do not see each other, or the loss would not be that of each on its own."""
    rows = [a_row(1), a_row(2)] if packing else [a_row(1)]
    file = an_export(tmp_path / "sft.jsonl", rows)
    changed = ["accumulation=1", "max_steps=1", f"packing={packing}"]
    trained = train([file], a_recipe(student, *changed), tmp_path / "out")
    assert trained.first_loss == pytest.approx(loss_of_the_assistant(student, rows), rel=1e-5)


def test_adapters_are_merged(model: Path, export: Path, tmp_path: Path) -> None:
    changed = ["lora.r=4", "lora.alpha=16", "epochs=2", "gradient_checkpointing=true"]
    trained = train([export], a_recipe(model, *changed), tmp_path / "out")
    assert trained.first_loss is not None
    assert trained.last_loss is not None
    assert trained.last_loss < trained.first_loss
    assert json.loads((tmp_path / "out" / "adapter" / "adapter_config.json").read_text())["r"] == 4
    base, merged = (AutoModelForCausalLM.from_pretrained(str(folder)).state_dict() for folder in (model, trained.out))
    changed_ones = {name for name in base if not torch.equal(base[name], merged[name])}
    assert merged.keys() == base.keys()
    assert "model.layers.0.mlp.up_proj.weight" in changed_ones
    assert not {"model.embed_tokens.weight", "lm_head.weight"} & changed_ones
    rows = [json.loads(line) for line in export.read_text().splitlines()]
    assert loss_of_the_assistant(trained.out, rows) < loss_of_the_assistant(model, rows)


def killed_after(step: int, command: list[str], out: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlgym_synth.cli", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    curve, end = out / "loss.jsonl", time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if curve.exists() and curve.read_bytes().count(b"\n") >= step:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


def test_goes_on_after_sigkill_as_if_nothing_had_been(model: Path, export: Path, tmp_path: Path) -> None:
    command = ["train", "sft", "--data", str(export), "--model", str(model), "--out", str(tmp_path / "killed")]
    killed_after(10, [*command, *(word for change in LONG for word in ("--set", change))], tmp_path / "killed")
    newest = max((tmp_path / "killed").glob("checkpoint-*"), key=lambda folder: int(folder.name[11:]))
    os.truncate(newest / "optimizer.pt", 100)  # as if it had been killed while this was written
    recipe = load_recipe(None, LONG, model=str(model))
    resumed = train([export], recipe, tmp_path / "killed")
    undisturbed = train([export], recipe, tmp_path / "undisturbed")
    assert 0 < resumed.resumed_from < int(newest.name[11:])
    assert undisturbed.steps == 36
    assert losses(tmp_path / "killed") == losses(tmp_path / "undisturbed")
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("killed", "undisturbed")]
    assert weights[0] == weights[1]


def test_other_settings_or_data_do_not_go_on(student: Path, model: Path, export: Path, tmp_path: Path) -> None:
    before = sorted(student.rglob("*"))
    with pytest.raises(OutUnusable, match=r"other settings: recipe\.learning_rate was 0\.01 and is 0\.02"):
        train([export], a_recipe(model, "epochs=4", "learning_rate=0.02"), student)
    other = an_export(tmp_path / "other.jsonl", [a_row(99)])
    with pytest.raises(OutUnusable, match="data was"):
        train([other], a_recipe(model, "epochs=4"), student)
    with pytest.raises(OutUnusable, match="is not empty, and not a training"):
        train([export], a_recipe(model), export.parent)
    with pytest.raises(OutUnusable, match="is a file"):
        train([export], a_recipe(model), export)
    assert sorted(student.rglob("*")) == before


def test_only_whole_checkpoints_count(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, {})
    for step, lines in ((2, 2), (10, 10)):
        checkpoint = tmp_path / f"checkpoint-{step}"
        checkpoint.mkdir()
        (checkpoint / "model.safetensors").write_text("x" * lines)
        mark_whole(checkpoint)
    (tmp_path / "checkpoint-12").mkdir()
    (tmp_path / "loss.jsonl").write_text("".join(json.dumps({"step": n}) + "\n" for n in range(1, 13)) + '{"step": 1')
    folder.discard_partial_checkpoints()
    assert folder.newest_checkpoint() == tmp_path / "checkpoint-10"
    assert not (tmp_path / "checkpoint-12").exists()
    assert [loss["step"] for loss in folder.losses()] == list(range(1, 11))
    (tmp_path / "checkpoint-10" / "model.safetensors").write_text("short")
    assert not is_whole(tmp_path / "checkpoint-10")
    folder.discard_partial_checkpoints()
    assert folder.newest_checkpoint() == tmp_path / "checkpoint-2"
    assert [loss["step"] for loss in folder.losses()] == [1, 2]


def test_a_conversation_that_is_cut_tells_nothing_about_where_to_stop(tmp_path: Path) -> None:
    base = a_model_folder(tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    tokenizer.add_tokens(["<call>", "</call>"])
    tokenizer.save_pretrained(str(base))
    network = AutoModelForCausalLM.from_pretrained(str(base))
    network.resize_token_embeddings(len(tokenizer))
    network.save_pretrained(str(base))
    row = a_row()
    encoded = make_encoder(tokenizer, with_tools=True).encode(row["messages"], row["tools"])
    opening = encoded.ids.index(tokenizer.convert_tokens_to_ids("<call>"))
    file = an_export(tmp_path / "sft.jsonl", [row])
    recipe = a_recipe(base, "max_steps=1", "overlong=truncate", f"max_length={opening + 1}")
    out = train([file], recipe, tmp_path / "out").out
    stops = json.loads((out / "generation_config.json").read_text())["eos_token_id"]
    assert stops in (tokenizer.eos_token_id, [tokenizer.eos_token_id])


@pytest.mark.parametrize(("steps", "rates"), [(1, [0.01]), (4, [0.0, 0.005, 0.01, 0.01])])
def test_no_training_is_at_rate_zero_alone(
    steps: int, rates: list[float], model: Path, export: Path, tmp_path: Path
) -> None:
    """A warm-up of one step would be a step that learns nothing."""
    recipe = a_recipe(model, f"max_steps={steps}", "warmup=0.5", "schedule=constant_with_warmup")
    out = train([export], recipe, tmp_path / "out").out
    assert [loss["learning_rate"] for loss in losses(out)] == pytest.approx(rates)


@pytest.mark.parametrize("changed", [["learning_rate=1e30"], ["learning_rate=1e39", "max_steps=1"]])
def test_what_diverges_is_no_student(changed: list[str], model: Path, export: Path, tmp_path: Path) -> None:
    """By its loss, or in its last step, after which there is no loss."""
    recipe = a_recipe(model, "schedule=constant", *changed)
    with pytest.raises(TrainingDiverged, match="new folder with a lower learning_rate"):
        train([export], recipe, tmp_path / "out")
    assert not (tmp_path / "out" / "model.safetensors").exists()
    for file in (tmp_path / "out").glob("loss.jsonl"):
        for line in file.read_text().splitlines():
            json.loads(line, parse_constant=pytest.fail)


def test_longer_than_the_models_context_is_refused(model: Path, tmp_path: Path) -> None:
    row = a_row()
    row["messages"][2]["content"] = "la " * 2000
    file = an_export(tmp_path / "sft.jsonl", [row])
    with pytest.raises(TrainingRefused, match="the model's context is 4096"):
        train([file], a_recipe(model, "max_length=30000"), tmp_path / "out")
    found = dry_run([file], a_recipe(model, "max_length=30000"))
    assert "the model's context is 4096" in found.prepared.refusals[0]
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_trained_in_is_in_use(model: Path, export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with RunFolder(out, {}).held(), pytest.raises(OutUnusable, match="another training is writing here"):
        train([export], a_recipe(model, "max_steps=1"), out)
    assert not out.exists()
    assert train([export], a_recipe(model, "max_steps=1"), out).steps == 1


def test_a_start_that_failed_does_not_claim_the_folder(model: Path, export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="nosuch"):
        train([export], a_recipe(model, "max_steps=1", "lora.targets=[nosuch]"), out)
    assert train([export], a_recipe(model, "max_steps=1"), out).steps == 1


def test_a_student_without_its_weights_is_saved_again(model: Path, export: Path, tmp_path: Path) -> None:
    out = train([export], a_recipe(model, "max_steps=4"), tmp_path / "out").out
    weights = (out / "model.safetensors").read_bytes()
    (out / "model.safetensors").unlink()
    again = train([export], a_recipe(model, "max_steps=4"), out)
    assert (again.already, again.resumed_from) == (False, 4)
    assert (out / "model.safetensors").read_bytes() == weights
