"""`mlgym-synth train`: what is wrong is said before anything is trained, with exit code 2 and no folder made."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from mlgym_synth.cli import main
from tests.training.tiny import FORGETFUL, WITHOUT_TOOLS, a_model_folder, a_row, a_tokenizer


def train(*arguments: object) -> int:
    return main(["train", "sft", *map(str, arguments)])


@pytest.fixture
def no_weights(model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "no-weights"
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    return folder


def test_trains_and_says_where(model: Path, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--set", "max_steps=2", "--set", "max_length=300", "--truncate"]
    assert train("--data", export, "--model", model, "--out", tmp_path / "out", *settings) == 0
    said = capsys.readouterr().out
    assert "2 steps, loss" in said
    assert "mlgym-synth train serve" in said
    assert train("--data", export, "--model", model, "--out", tmp_path / "out", *settings, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["steps"], told["already"]) == (2, True)


def test_a_dry_run_needs_no_weights(export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_tokenizer().save_pretrained(str(tmp_path / "tokenizer"))
    start = ("--data", export, "--recipe", "qwen3-4b", "--tokenizer", tmp_path / "tokenizer", "--dry-run")
    assert train(*start, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["sequences"], told["steps"]) == (12, 1, 2)
    assert train(*start, "--examples", 1) == 0
    said = capsys.readouterr().out
    assert "I try depth 0." in said
    assert "example 2" not in said
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer"]


def test_a_dry_run_of_what_is_refused_shows_it_and_says_why(
    model: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ("--data", export, "--model", model, "--set", "max_length=300", "--dry-run")
    assert train(*start, "--json") == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["overlong"]) == (12, 12)
    assert told["length"]["max"] > 300
    assert told["cut_tokens"] == told["length"]["total"] - 12 * 300
    assert train(*start) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert "I try depth 0." in said
    assert "12 conversations too long" in said
    assert "refused: 12 of 12 conversations are longer than max_length 300" in said
    assert train(*start, "--truncate") == 0


def test_masks_are_shown_in_colour(
    model: Path, export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    monkeypatch.setattr("mlgym_synth.cli.train.console", Console(force_terminal=True, color_system="standard"))
    assert train("--data", export, "--model", model, "--dry-run", "--examples", 1) == 0
    said = capsys.readouterr().out
    assert "\x1b[1;32mI try depth 0.<call>" in said
    assert "\x1b[2m<|im_start|>system" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"messages": [{"role"', "sft.jsonl:1: not JSON"),
        ('{"conversations": [{"from": "human", "value": "Hi"}]}', "ShareGPT"),
        ('{"text": "Once"}', "sft.jsonl:1: has no `messages`"),
        ("", "is empty"),
        (None, "No such file"),
        (json.dumps(a_row(split="heldout")), "held-out"),
        (json.dumps(a_row(tools=a_row()["tools"] * 50)), "1 of 1 conversations are longer than max_length 2048"),
    ],
)
def test_bad_data(
    content: str | None, message: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "sft.jsonl").write_text(content)
    assert train("--data", tmp_path / "sft.jsonl", "--model", model, "--out", tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_data_is_read_before_the_hub_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mlgym_synth.training.sft.find_model", lambda *_: pytest.fail("looked for a model"))
    assert train("--data", tmp_path / "nowhere.jsonl", "--model", "some/model", "--out", tmp_path / "out") == 2
    assert "nowhere.jsonl: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("template", "message"), [(WITHOUT_TOOLS, "leaves out the tools on offer"), (FORGETFUL, "once it goes on")]
)
def test_bad_templates(
    template: str, message: str, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = a_model_folder(tmp_path / "model", template)
    assert train("--data", export, "--model", folder, "--out", tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bad_models(
    model: Path, no_weights: Path, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "training.json").write_text("{}")
    cut = shutil.copytree(model, tmp_path / "cut")
    (cut / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:5000])
    other = shutil.copytree(model, tmp_path / "other")
    config = json.loads((model / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    for folder, message in [
        (tmp_path / "nowhere", "no such folder"),
        (tmp_path / "empty", "has no config.json"),
        (tmp_path / "begun", "holds a training that is not finished"),
        (no_weights, "has no weights"),
        (cut, "cannot be loaded"),
        (other, "weights are missing"),
        (tmp_path / "there.gguf", "No such file"),
    ]:
        assert train("--data", export, "--model", folder, "--out", tmp_path / "out") == 2
        assert message in capsys.readouterr().err
    bare = shutil.copytree(model, tmp_path / "bare", ignore=shutil.ignore_patterns("tok*", "chat*"))
    assert train("--data", export, "--model", bare, "--out", tmp_path / "out") == 2
    assert "--tokenizer" in capsys.readouterr().err
    large = a_tokenizer()
    large.add_tokens([f"<{number}>" for number in range(9)])
    large.save_pretrained(str(tmp_path / "large"))
    more = ("--tokenizer", tmp_path / "large")
    assert train("--data", export, "--model", model, *more, "--out", tmp_path / "out") == 2
    assert "Give the model's own tokenizer" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bad_commands(model: Path, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", tmp_path / "out")
    for more, message in [
        (out, "give --model"),
        (("--model", model), "give --out"),
        (("--model", model, *out, "--set", "lr=1"), "unknown key 'lr', did you mean 'learning_rate'"),
        (("--model", model, *out, "--recipe", "gpt"), "Give a YAML file or one of"),
        (("--model", model, *out, "--recipe", "qwen3-8b"), "the recipe is for 8 processes, and there is 1"),
        (("--model", model, "--out", export), "is a file"),
        (("--model", model, "--out", model), "is not empty, and not a training"),
        (("--model", model, "--out", model, "--dry-run"), "is not empty, and not a training"),
        (("--model", model, *out, "--set", "overlong=drop", "--set", "max_length=20"), "too long ones are dropped"),
    ]:
        assert train("--data", export, *more) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_the_extra(
    model: Path, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mlgym_synth.training.find_spec", lambda name: None if name == "peft" else sys)
    for last in (("--dry-run",), ("--out", tmp_path / "out")):
        assert train("--data", export, "--model", model, *last) == 2
        assert "training needs peft: pip install 'mlgym-synth[train]'" in capsys.readouterr().err


def test_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "recipes"]) == 0
    said = capsys.readouterr().out
    assert "Qwen/Qwen3-8B" in said
    assert "accelerate launch --config_file" in said
    assert main(["train", "recipes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {recipe["name"] for recipe in told["recipes"]} >= {"qwen3-4b", "qwen3-8b", "smollm2-135m"}
    assert {recipe["for"] for recipe in told["recipes"]} == {"sft", "grpo"}


def test_ctrl_c_keeps_the_last_checkpoint(
    model: Path, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlgym_synth.training.sft import Quiet

    def interrupted(self: Quiet, step: int, steps: int, loss: float | None) -> None:
        if step == 5:
            raise KeyboardInterrupt

    settings = ["--set", "max_steps=8", "--set", "save_steps=2", "--set", "accumulation=1"]
    command = ("--data", export, "--model", model, "--out", tmp_path / "out", *settings)
    with monkeypatch.context() as patched:
        patched.setattr(Quiet, "stepped", interrupted)
        assert train(*command) == 130
    assert (tmp_path / "out" / "checkpoint-4" / "whole.json").is_file()
    assert train(*command) == 0
    assert "Went on after step 4." in capsys.readouterr().out
