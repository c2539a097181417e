"""GRPO with a tiny random model: real calls in real sandboxes, and the env's returns as rewards."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import RolloutStopped, SandboxDied, TaskNotFound
from mlgym_synth.sandbox.base import Sandbox
from mlgym_synth.tools import TOOLS
from mlgym_synth.training.errors import (
    ExtraMissing,
    ModelUnusable,
    OutUnusable,
    RecipeInvalid,
    TemplateUnusable,
    TrainingRefused,
)
from mlgym_synth.training.grpo import EPISODES, GrpoRecipe, load_grpo_recipe, rows, train_grpo
from mlgym_synth.training.grpo_env import CUT_SHORT, FAULTS_IN_A_ROW, OVER, Players
from mlgym_synth.training.models import check_folder, load_tokenizer
from mlgym_synth.training.recipe import Lora
from tests.training.tiny import PLAIN, WITHOUT_TOOLS, a_model_folder

ROOT = Path(__file__).parents[2]
TASK = "task-0007"
SETTINGS = {"sandbox": "bwrap", "max_steps": 6, "limits": {"tool_s": 20}}


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke benchmark's model, which calls tools at random."""
    folder = tmp_path_factory.mktemp("caller") / "model"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        importlib.import_module("grpo_smoke").make_tiny_model(folder)
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Sandbox]:
    """Every sandbox that an env opens."""
    found: list[Sandbox] = []
    original = SynthEnv._open_sandbox

    def noted(env: SynthEnv) -> Sandbox:
        found.append(original(env))
        return found[-1]

    monkeypatch.setattr(SynthEnv, "_open_sandbox", noted)
    return found


def a_recipe(model: Path, **more: Any) -> GrpoRecipe:
    settings = {"generations": 4, "max_completion_length": 1200, "max_tool_calls": 3, "max_steps": 6,
                "learning_rate": 1e-2, "save_steps": 1}  # fmt: skip
    return load_grpo_recipe(None, model=str(model), **{**settings, **more})


def test_two_steps_learn_from_the_returns_of_the_env_and_go_on_where_they_were(
    caller: Path, tmp_path: Path, opened: list[Sandbox]
) -> None:
    from transformers import AutoModelForCausalLM

    result = train_grpo([TASK], a_recipe(caller, steps=2), tmp_path / "out", "bwrap")
    episodes = [json.loads(line) for line in (tmp_path / "out" / EPISODES).read_text().splitlines()]
    assert (result.steps, result.resumed_from, len(episodes)) == (2, 0, 8)
    groups = [episodes[:4], episodes[4:]]
    assert [len({episode["seed"] for episode in group}) for group in groups] == [1, 1]
    means = [sum(episode["return"] for episode in group) / 4 for group in groups]
    assert result.rewards == pytest.approx(means, abs=1e-5)
    assert 0 < max(means) < 1  # some ran the baseline
    assert [episode["step"] for episode in episodes] == [1] * 4 + [2] * 4
    assert {episode["exit_status"] for episode in episodes} >= {"no_submission"}
    for episode in episodes:
        assert episode["return"] == 0 if episode["exit_status"] == "no_submission" else episode["return"] > 0.4
    assert len(opened) >= 8
    assert all(closed(sandbox) for sandbox in opened)
    before, after = (AutoModelForCausalLM.from_pretrained(folder).lm_head.weight for folder in (caller, result.out))
    assert (before - after).abs().max() > 1e-3

    again = train_grpo([TASK], a_recipe(caller, steps=2), tmp_path / "out", "bwrap")
    assert (again.already, again.steps, again.rewards) == (True, 2, result.rewards)
    assert len((tmp_path / "out" / EPISODES).read_text().splitlines()) == 8

    with (tmp_path / "out" / EPISODES).open("a") as journal:  # of a process that was killed in its third step
        journal.write(json.dumps({**episodes[-1], "step": 3}) + "\n" + '{"step": 3, "ta')
    further = train_grpo([TASK], a_recipe(caller, steps=3), tmp_path / "out", "bwrap")
    assert (further.steps, further.resumed_from, further.already) == (3, 2, False)
    steps = [json.loads(line)["step"] for line in (tmp_path / "out" / EPISODES).read_text().splitlines()]
    assert steps == [1] * 4 + [2] * 4 + [3] * 4
    assert further.rewards[:2] == result.rewards
    assert further.seconds > result.seconds  # of all three steps
    with pytest.raises(OutUnusable, match=r"learning_rate was 0\.01 and is 0\.02"):
        train_grpo([TASK], a_recipe(caller, steps=3, learning_rate=2e-2), tmp_path / "out", "bwrap")


def closed(sandbox: Sandbox) -> bool:
    try:
        sandbox.exec("true", 5)
    except Exception:
        return True
    return False


def test_its_tools_are_those_of_the_env() -> None:
    from transformers.utils import get_json_schema

    player = Players()()
    schemas = {}
    for name, method in inspect.getmembers(type(player), predicate=inspect.isfunction):  # as TRL looks for them
        if not name.startswith("_") and name not in ("reset", "get_reward"):
            schemas[name] = get_json_schema(getattr(player, name))["function"]
            assert method.__doc__
    assert list(schemas) == sorted(TOOLS)
    for name, tool in TOOLS.items():
        ours = tool.schema()["function"]
        theirs = schemas[name]
        assert " ".join(theirs["description"].split()) == ours["description"]
        properties = {key: value["description"] for key, value in theirs["parameters"]["properties"].items()}
        assert properties == {key: value["description"] for key, value in ours["parameters"]["properties"].items()}
        assert theirs["parameters"].get("required", []) == ours["parameters"]["required"]


def test_an_episode_by_hand_earns_what_the_env_pays() -> None:
    players = Players(dict(SETTINGS))
    player = players()
    try:
        assert "## Submission" in player.reset(task=TASK, seed=1, prompt=[])
        assert "baseline.py" in player.bash("ls", timeout_s=5)
        assert player.search("import", None)
        player.bash("python baseline.py")
        assert "Validation score" in player.validate()
        assert "Handed in" in player.submit()
        assert player.bash("ls") == OVER
        assert player.get_reward() == pytest.approx(0.5, abs=0.05)
        # What is there when a model stops talking is handed in, as at any end of a budget.
        player.reset(task=TASK, seed=1)
        player.bash("python baseline.py")
        assert player.get_reward() == pytest.approx(0.5, abs=0.05)
        player.reset(task=TASK, seed=1)
        assert player.get_reward() == 0.0
    finally:
        players.close()


def test_infrastructure_that_fails_gives_no_reward_and_stops_training_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = Players(dict(SETTINGS), tmp_path / "episodes.jsonl")
    player = players()
    player.reset(task=TASK, seed=1)

    def dies(*_: Any, **__: Any) -> Any:
        raise SandboxDied("the daemon is gone")

    monkeypatch.setattr(SynthEnv, "_run", dies)
    assert player.bash("ls") == CUT_SHORT
    assert player.bash("ls") == OVER
    assert player.get_reward() is None
    episode = json.loads((tmp_path / "episodes.jsonl").read_text())
    assert (episode["return"], episode["fault"]) == (None, "SandboxDied: the daemon is gone")
    monkeypatch.setattr(SynthEnv, "reset", dies)
    for _ in range(FAULTS_IN_A_ROW - 2):
        assert player.reset(task=TASK, seed=1) == CUT_SHORT
        assert player.get_reward() is None
    assert players.stopped is None
    player.reset(task=TASK, seed=1)
    assert player.get_reward() is None
    assert str(players.stopped).startswith(f"{FAULTS_IN_A_ROW} episodes one after the other")


def test_training_without_a_sandbox_stops(caller: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any, **__: Any) -> Any:
        raise SandboxDied("the daemon is gone")

    monkeypatch.setattr(SynthEnv, "reset", dies)
    with pytest.raises(RolloutStopped, match=r"episodes one after the other .* the daemon is gone"):
        train_grpo([TASK], a_recipe(caller, steps=1, generations=FAULTS_IN_A_ROW), tmp_path / "out", "bwrap")
    assert not json.loads((tmp_path / "out" / "training.json").read_text())["done"]


def test_adapters_are_merged_so_that_it_can_be_served(caller: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM
    from trl.chat_template_utils import get_training_chat_template

    recipe = a_recipe(
        caller,
        steps=1,
        lora=Lora(r=4),
        schedule="constant_with_warmup",
        warmup=0.5,
        beta=0.1,
        gradient_checkpointing=True,
    )
    out = train_grpo([TASK], recipe, tmp_path / "out", "bwrap").out
    check_curve_and_card(out, recipe)
    with pytest.raises(OutUnusable, match=r"begun with 1 steps, which cannot be 2 .* --steps 1, .*schedule=constant"):
        train_grpo([TASK], recipe.model_copy(update={"steps": 2}), out, "bwrap")
    assert check_folder(out)
    assert json.loads((out / "adapter" / "adapter_config.json").read_text())["r"] == 4
    base, merged = (AutoModelForCausalLM.from_pretrained(str(folder)).state_dict() for folder in (caller, out))
    assert merged.keys() == base.keys()
    before, after = load_tokenizer(str(caller)), load_tokenizer(str(out))
    said = [{"role": role, "content": role} for role in ("user", "assistant") * 2]
    trained = before.apply_chat_template(said, chat_template=get_training_chat_template(before), tokenize=False)
    assert after.apply_chat_template(said, tokenize=False) == trained
    assert trained != before.apply_chat_template(said, tokenize=False)
    assert torch.equal(base["model.embed_tokens.weight"], merged["model.embed_tokens.weight"])


def check_curve_and_card(out: Path, recipe: GrpoRecipe) -> None:
    line = json.loads((out / "loss.jsonl").read_text())
    assert {"loss", "learning_rate", "grad_norm", "epoch", "kl", "completions/clipped_ratio"} <= set(line)
    assert line["learning_rate"] == recipe.learning_rate  # half of one step is none to warm up in
    card, run = (out / "README.md").read_text(), json.loads((out / "training.json").read_text())
    assert f"| {TASK} | `{run['identity']['tasks'][TASK]}` |" in card
    for told in (recipe.sha256(), run["identity"]["tokenizer_sha256"], "| trl | ", "1 steps in 0.0", "- grpo\n"):
        assert told in card


TWO = """
import sys
from pathlib import Path
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import RolloutStopped, SandboxDied
from mlgym_synth.training.grpo import load_grpo_recipe, train_grpo
import json, os
settings = json.loads(sys.argv[1])
first = os.environ["RANK"] == "0"
def dies(*_, **__):
    raise SandboxDied("the daemon of the second is gone")
if settings.pop("one_dies") and not first:
    SynthEnv.reset = dies
try:
    result = train_grpo(["task-0007"], load_grpo_recipe(None, **settings), Path(sys.argv[2]), "bwrap")
    print("made", result.steps, result.resumed_from, result.already)
except RolloutStopped as error:
    print("stopped", error)
"""


def by_two(out: Path, model: Path, **settings: Any) -> list[str]:
    """What two processes say that train together."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", TWO, json.dumps({"model": str(model), "one_dies": False, **settings}), str(out)]
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2",
              "OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": "2"}  # fmt: skip
    started = [
        subprocess.Popen(
            command, env={**shared, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in ("0", "1")
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=180) for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert [process.returncode for process in started] == [0, 0], said[0][1][-3000:] + said[1][1][-3000:]
    return [lines.strip().splitlines()[-1] for lines, _ in said]


@pytest.mark.slow
def test_two_processes_train_one_model(caller: Path, tmp_path: Path) -> None:
    settings = {"generations": 2, "max_completion_length": 300, "max_tool_calls": 1, "max_steps": 3, "save_steps": 1}
    assert by_two(tmp_path / "out", caller, steps=1, **settings) == ["made 1 0 False"] * 2
    rng = {file.name for file in (tmp_path / "out" / "checkpoint-1").glob("rng_state_*.pth")}
    whole = json.loads((tmp_path / "out" / "checkpoint-1" / "whole.json").read_text())
    assert rng == {"rng_state_0.pth", "rng_state_1.pth"} <= set(whole)
    with pytest.raises(OutUnusable, match="processes was 2 and is 1"):
        train_grpo([TASK], a_recipe(caller, steps=1, **settings, learning_rate=1e-6), tmp_path / "out")


@pytest.mark.slow
def test_what_stops_one_process_stops_both(caller: Path, tmp_path: Path) -> None:
    settings = {"generations": FAULTS_IN_A_ROW, "max_completion_length": 40, "max_tool_calls": 1, "max_steps": 3}
    for said in by_two(tmp_path / "out", caller, steps=1, one_dies=True, **settings):
        assert said.startswith(f"stopped {FAULTS_IN_A_ROW} episodes one after the other")


def test_trl_leaves_an_episode_without_a_reward_out(
    caller: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    original = SynthEnv.reset

    def one_dies(env: SynthEnv, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count % 4 == 1:
            raise SandboxDied("the daemon is gone")
        return original(env, **kwargs)

    monkeypatch.setattr(SynthEnv, "reset", one_dies)
    result = train_grpo([TASK], a_recipe(caller, steps=1), tmp_path / "out", "bwrap")
    returns = [json.loads(line)["return"] for line in (tmp_path / "out" / EPISODES).read_text().splitlines()]
    scored = [value for value in returns if value is not None]
    assert len(scored) == 3
    assert result.rewards[0] == pytest.approx(sum(scored) / 3, abs=1e-5)  # and no zero among them


def test_what_cannot_be_trained_is_said_before_anything_is(
    caller: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    recipe = a_recipe(caller)
    with pytest.raises(TaskNotFound, match="train split"):
        train_grpo(["task-0004"], recipe, out, "bwrap")  # held out
    with pytest.raises(TaskNotFound, match="No task"):
        train_grpo(["nothing-*"], recipe, out, "bwrap")
    with pytest.raises(ModelUnusable, match="no such folder"):
        train_grpo([TASK], a_recipe(tmp_path / "nowhere"), out, "bwrap")
    with pytest.raises(RecipeInvalid, match="model: give"):
        train_grpo([TASK], load_grpo_recipe(None), out, "bwrap")
    with pytest.raises(TrainingRefused, match=r"for 8 processes, and there is 1: .*accelerate launch"):
        train_grpo([TASK], a_recipe(caller, processes=8), out, "bwrap")
    for template, said in ((WITHOUT_TOOLS, "no tool calls"), (PLAIN, "does not know how to read")):
        folder = a_model_folder(tmp_path / said.replace(" ", "-"), template)
        with pytest.raises(TemplateUnusable, match=said):
            train_grpo([TASK], a_recipe(folder), out, "bwrap")
    with pytest.raises(ExtraMissing, match="pip install vllm"):
        train_grpo([TASK], a_recipe(caller, vllm="colocate"), out, "bwrap")
    smaller = tmp_path / "smaller"
    shutil.copytree(caller, smaller)
    (smaller / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelUnusable, match="cannot be loaded"):
        train_grpo([TASK], a_recipe(smaller), out, "bwrap")
    monkeypatch.setattr("mlgym_synth.training.find_spec", lambda name: None if name == "trl" else object())
    with pytest.raises(ExtraMissing, match=r"training needs trl: pip install 'mlgym-synth\[train\]'"):
        train_grpo([TASK], recipe, out, "bwrap")
    assert not out.exists()


def test_longer_training_begins_with_the_same_episodes() -> None:
    from mlgym_synth import registry

    entries = registry.select(["task-000*"], split="train")
    short, long = (rows(entries, GrpoRecipe(steps=steps)) for steps in (5, 12))
    assert long[:5] == short
    assert len({(row["task"], row["seed"]) for row in long}) == 12
