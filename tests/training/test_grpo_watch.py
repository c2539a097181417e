"""What GRPO trains stays a number, is told apart, and is compared with the very model that it was."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

from mlgym_synth import registry
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import SandboxDied
from mlgym_synth.training.errors import TrainingDiverged
from mlgym_synth.training.grpo import _fewer_warnings, _Plan, _trainer, train_grpo
from mlgym_synth.training.grpo_env import Players, SynthTools
from mlgym_synth.training.grpo_watch import watch
from mlgym_synth.training.models import find_model, load_tokenizer, load_weights
from mlgym_synth.training.run_folder import RunFolder
from tests.training.test_grpo import TASK, a_recipe, caller

__all__ = ["caller"]  # a fixture
SHORT: dict[str, Any] = {"generations": 2, "max_completion_length": 40, "max_tool_calls": 1}


def diverges(model: Path, out: Path, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> str:
    """What is said of a training that must diverge; that there is no student of it is seen to."""
    rewards = itertools.cycle([0.0, 1.0])
    monkeypatch.setattr(SynthTools, "reset", lambda self, task, seed=0, **row: "")
    monkeypatch.setattr(SynthTools, "get_reward", lambda self: next(rewards))
    with pytest.raises(TrainingDiverged, match="new folder with a lower learning_rate") as told:
        train_grpo([TASK], a_recipe(model, steps=2, **SHORT, **changed), out, "bwrap")
    assert not json.loads((out / "training.json").read_text())["done"]
    assert not (out / "model.safetensors").exists()
    assert not list(out.glob("checkpoint-*"))
    return str(told.value)


def test_what_diverges_is_no_student(caller: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = diverges(caller, tmp_path / "out", monkeypatch, learning_rate=1e39)
    assert "step 1: the weights are no numbers" in told


def test_a_model_whose_probabilities_are_no_numbers(
    caller: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = shutil.copytree(caller, tmp_path / "broken")
    network = AutoModelForCausalLM.from_pretrained(str(broken))
    network.get_output_embeddings().weight.data.fill_(3e38)
    network.save_pretrained(str(broken))
    assert "probabilities are no numbers" in diverges(broken, tmp_path / "out", monkeypatch)


@pytest.mark.parametrize("wrong", [{"loss": math.nan}, {"grad_norm": math.inf}])
def test_a_loss_that_is_no_number_ends_training(wrong: dict[str, float], tmp_path: Path) -> None:
    state = SimpleNamespace(global_step=3, is_world_process_zero=True)
    with pytest.raises(TrainingDiverged, match="step 3: "):
        watch(0.0).on_log(SimpleNamespace(output_dir=tmp_path), state, None, {"loss": 0.1, "reward": 0.5, **wrong})
    line = json.loads((tmp_path / "loss.jsonl").read_text())
    assert line == {"step": 3, "loss": 0.1, "reward": 0.5, **dict.fromkeys(wrong)}


def test_a_step_without_any_reward_has_a_line(caller: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any, **__: Any) -> Any:
        raise SandboxDied("the daemon is gone")

    monkeypatch.setattr(SynthEnv, "reset", dies)
    recipe = a_recipe(caller, steps=1, log_steps=2, save_steps=2, **SHORT)
    assert train_grpo([TASK], recipe, tmp_path / "out", "bwrap").rewards == []
    line = json.loads((tmp_path / "out" / "loss.jsonl").read_text())  # the last step has one in any case
    assert line["step"] == 1
    assert "reward" not in line
    assert "mean return unknown at first" in (tmp_path / "out" / "README.md").read_text()


def test_the_kl_term_is_to_the_commit_that_is_trained(
    caller: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    cache, old, new = tmp_path / "hub" / "models--org--model", "1" * 40, "2" * 40
    for commit in (old, new):
        shutil.copytree(caller, cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(new)
    (cache / "snapshots" / new / "model.safetensors").unlink()  # nobody may look for it
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model, tokenizer = find_model("org/model", old), load_tokenizer("org/model", old)
    weights = load_weights(model, "float32", None, len(tokenizer))
    plan = _Plan(a_recipe(caller, beta=0.1), model, tokenizer, registry.select([TASK]), RunFolder(tmp_path / "out", {}))
    with _fewer_warnings():
        trainer = _trainer(plan, weights, Players(), 0.0)
    assert Path(trainer.ref_model.config.name_or_path).name == old
    assert torch.equal(trainer.ref_model.lm_head.weight, weights.lm_head.weight)
