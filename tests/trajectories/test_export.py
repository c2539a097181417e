"""Exports, each read by what reads it: TRL's and transformers' own chat-template code, `datasets`, MLGym's layout."""

from __future__ import annotations

import copy
import itertools
import json
import re
import resource
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import datasets
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from trl.chat_template_utils import get_training_chat_template
from trl.data_utils import (
    is_conversational,
    is_conversational_from_value,
    maybe_apply_chat_template,
    maybe_convert_to_chatml,
)

from mlgym_synth.agents.scripted import bash, tool
from mlgym_synth.tools import openai_schemas
from mlgym_synth.trajectories import Trajectory
from mlgym_synth.trajectories.export import FORMATS, ExportError, write_sharegpt, write_traj, write_trl
from mlgym_synth.trajectories.filters import apply, at_most, cut_to
from mlgym_synth.trajectories.tokens import TokenizerUnavailable, by_tokenizer, estimate
from mlgym_synth.trajectories.turns import Form
from tests.trajectories.conftest import TASK
from tests.trajectories.episodes import a_step, an_episode

CHATML = """\
{%- if tools %}<|im_start|>system
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}<|im_start|>assistant
{% generation %}{{ message.content }}
{%- for call in message.tool_calls or [] %}<call>{{ call.function.name }} {{ call.function.arguments | tojson }}</call>
{%- endfor %}<|im_end|>{% endgeneration %}
{% else %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endif %}
{%- endfor %}"""


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """A real one over bytes, that needs no download."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={character: number for number, character in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    marks = ["<|im_start|>", "<|im_end|>"]
    return PreTrainedTokenizerFast(tokenizer_object=core, additional_special_tokens=marks, chat_template=CHATML)


def load(file: Path, cache: Path, **options: Any) -> list[dict[str, Any]]:
    rows: Iterable[dict[str, Any]] = datasets.load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(cache), **options
    )
    return list(rows)


def learned(tokenizer: PreTrainedTokenizerFast, row: dict[str, Any]) -> list[str]:
    """The stretches of a conversation that a trainer takes the loss of, as text."""
    encoded = tokenizer.apply_chat_template(
        row["messages"], tools=row.get("tools"), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    pairs = zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)
    runs = itertools.groupby(pairs, key=lambda pair: pair[1])
    return [tokenizer.decode([token for token, _ in run]) for is_assistant, run in runs if is_assistant]


def test_trl_has_the_turns_of_a_real_episode(played: list[Trajectory], tmp_path: Path) -> None:
    assert write_trl(played, tmp_path / "sft.jsonl") == 3
    baseline, looks_around, nop = map(json.loads, (tmp_path / "sft.jsonl").read_text().splitlines())
    assert baseline["messages"][:2] == [
        {"role": "user", "content": played[0].statement},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"type": "function", "function": {"name": "bash", "arguments": {"command": "python baseline.py"}}}
            ],
        },
    ]
    assert baseline["messages"][2] == {"role": "tool", "name": "bash", "content": played[0].steps[0].observation}
    assert baseline["messages"][-1]["name"] == "submit"
    assert baseline["tools"] == openai_schemas()
    assert (baseline["task_id"], baseline["split"], baseline["status"]) == (TASK, "train", "submitted")
    assert (baseline["reward"], baseline["progress"]) == (played[0].total_reward, played[0].progress)
    # What is no call is text, and corrected by a user turn.
    assert looks_around["messages"][3] == {"role": "assistant", "content": "ls -la"}
    assert looks_around["messages"][4]["role"] == "user"
    assert "was not run" in looks_around["messages"][4]["content"]
    assert looks_around["messages"][5]["tool_calls"][0]["function"]["arguments"]["content"] == "```\nGrüezi 👋\n```"
    assert (nop["status"], nop["reward"], nop["test_score"], nop["steps"]) == ("no_submission", 0.0, None, 7)


def test_datasets_loads_what_was_written(played: list[Trajectory], odd: list[Trajectory], tmp_path: Path) -> None:
    for form in (Form(), Form(text=True), Form(reasoning=True, system="Be brief.")):
        write_trl([*played, *odd], tmp_path / "sft.jsonl", form)
        written = [json.loads(line) for line in (tmp_path / "sft.jsonl").read_text().splitlines()]
        # Arrow would give every call the union of all arguments; `datasets` keeps them as they are.
        assert [row["messages"] for row in load(tmp_path / "sft.jsonl", tmp_path)] == [
            row["messages"] for row in written
        ]


def test_what_the_first_rows_do_not_know_can_come_later(tmp_path: Path) -> None:
    failures = [
        an_episode(seed=seed, test_score=None, progress=None, exit_status="no_submission") for seed in range(40)
    ]
    write_trl([*failures, an_episode(seed=40), an_episode(seed=41)], tmp_path / "sft.jsonl")
    rows = load(tmp_path / "sft.jsonl", tmp_path, chunksize=20_000)  # bytes that decide on the types
    assert [row["seed"] for row in rows] == [40, *range(40), 41]
    assert [row["progress"] for row in rows[:2]] == [0.4, None]


def test_the_loss_is_on_the_assistant_alone(
    played: list[Trajectory], odd: list[Trajectory], tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    write_trl([*played, *odd], tmp_path / "sft.jsonl")
    rows = load(tmp_path / "sft.jsonl", tmp_path)
    assert learned(tokenizer, rows[0]) == [
        '<call>bash {"command": "python baseline.py"}</call><|im_end|>',
        "<call>submit {}</call><|im_end|>",
    ]
    told = learned(tokenizer, rows[3])
    assert told[0] == 'First, look. Ω<call>bash {"command": "ls"}</call><|im_end|>'
    assert told[1] == '<call>view {"path": "a.csv"}</call><|im_end|>'
    assert told[2] == 'And again.\n\n{"tool": "view", "arguments": "{path: a.csv"}<|im_end|>'
    assert told[3] == "<call>fly {}</call><|im_end|>"
    assert told[4] == '<call>bash {"command": "x", "timeout_s": "NaN"}</call><|im_end|>'
    assert told[7] == "null<|im_end|>"
    for row, trajectory in zip(rows, [*played, *odd], strict=True):
        assert len(learned(tokenizer, row)) == len(trajectory.steps)


@pytest.mark.parametrize("model", ["qwen2_5", "qwen3", "gptoss", "glm4moe", "lfm2_2_5"])
def test_trl_renders_it_for_real_models(
    model: str, played: list[Trajectory], odd: list[Trajectory], tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """With the templates that TRL trains these models with, their masks on."""
    write_trl([*played, *odd], tmp_path / "sft.jsonl")
    template = resources.files("trl").joinpath(f"chat_templates/{model}.jinja").read_text()
    trained = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, chat_template=template)
    trained.chat_template = get_training_chat_template(trained) or template  # None: it has its marks already
    for row, trajectory in zip(load(tmp_path / "sft.jsonl", tmp_path), [*played, *odd], strict=True):
        assert is_conversational(row)
        text = maybe_apply_chat_template(row, trained, tools=row["tools"])["text"]
        assert text.index("Hand in the submission file") < text.index(trajectory.statement[:10])  # tools come first
        assert trajectory.steps[-1].observation.partition("\n")[0] in text
        stretches = learned(trained, row)
        assert len(stretches) == len(trajectory.steps)
        assert not any(step.observation in stretch for step, stretch in zip(trajectory.steps, stretches, strict=True))
        last = trajectory.steps[-1].action["tool"]
        assert last in stretches[-1]


def test_trl_as_text_alternates_and_ends_with_the_assistant(
    played: list[Trajectory], odd: list[Trajectory], tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    write_trl([played[1], odd[1]], tmp_path / "sft.jsonl", Form(text=True, system="Answer with one command."))
    mine, model = map(json.loads, (tmp_path / "sft.jsonl").read_text().splitlines())
    assert "tools" not in mine
    assert [turn["role"] for turn in mine["messages"]] == ["system", *["user", "assistant"] * 6]
    answers = [turn["content"] for turn in mine["messages"][2::2]]
    assert answers[0] == '```\nview {"path": "baseline.py", "start": 1, "end": 5}\n```'
    assert answers[1] == "ls -la"
    assert answers[2] == '```\ncreate {"path": "zürich.txt", "content": "```\\nGrüezi 👋\\n```"}\n```'
    assert answers[3:] == ["```bash\ncat zürich.txt; python baseline.py\n```", "```\nvalidate\n```", "```\nsubmit\n```"]
    assert model["messages"][2]["content"] == "I look.\n\n```\nls\n```"  # as the model wrote it
    assert learned(tokenizer, model) == ["I look.\n\n```\nls\n```<|im_end|>", "```\nsubmit\n```<|im_end|>"]


def test_sharegpt_alternates_and_converts(played: list[Trajectory], odd: list[Trajectory], tmp_path: Path) -> None:
    write_sharegpt([*played, *odd], tmp_path / "sg.jsonl", Form(reasoning=True, system="Be brief."))
    rows = load(tmp_path / "sg.jsonl", tmp_path)
    for row, trajectory in zip(rows, [*played, *odd], strict=True):
        speakers = [turn["from"] for turn in row["conversations"]]
        assert speakers == ["system", *["human", "gpt"] * len(trajectory.steps)]
        assert all(turn.keys() == {"from", "value"} for turn in row["conversations"])
        assert row["task_id"] == trajectory.task_id
        assert is_conversational_from_value(row)
        said = [turn["value"] for turn in row["conversations"]]
        assert [turn["content"] for turn in maybe_convert_to_chatml(copy.deepcopy(row))["messages"]] == said
    assert rows[0]["conversations"][1]["value"] == played[0].statement
    assert rows[0]["conversations"][3]["value"] == played[0].steps[0].observation  # tool output as human
    assert rows[3]["conversations"][2]["value"].startswith(
        "<think>\nHm, where am I?\n</think>\n\nFirst, look. Ω\n\n```"
    )


def test_traj_is_laid_out_as_mlgym_does(played: list[Trajectory], odd: list[Trajectory], tmp_path: Path) -> None:
    assert write_traj([*played, *odd, odd[1]], tmp_path / "out") == 7
    names = sorted(folder.name for folder in (tmp_path / "out").iterdir())
    assert names == [
        "openai-teacher__task-0001__mlgym-synth__seed-0_run_0",
        "openai-teacher__task-0001__mlgym-synth__seed-2_run_1",
        "openai-text-mode-v2-x__task-0001__mlgym-synth__seed-1_run_0",
        "openai-text-mode-v2-x__task-0001__mlgym-synth__seed-1_run_1",
        f"scripted-baseline__{TASK}__mlgym-synth__seed-3_run_0",
        f"scripted-looks-around__{TASK}__mlgym-synth__seed-3_run_0",
        f"scripted-nop__{TASK}__mlgym-synth__seed-3_run_0",
    ]
    for name in names:
        agent, task, *_ = name.split("__")
        assert re.fullmatch(r"[^_]+", agent)
        assert {file.name for file in (tmp_path / "out" / name).iterdir()} == {f"{task}.traj", "results.json"}


def test_traj_holds_what_mlgyms_readers_read(played: list[Trajectory], tmp_path: Path) -> None:
    write_traj(played, tmp_path / "out", Form(system="Be brief."))
    folder = tmp_path / "out" / f"scripted-looks-around__{TASK}__mlgym-synth__seed-3_run_0"
    traj, results = (json.loads((folder / name).read_text()) for name in (f"{TASK}.traj", "results.json"))
    episode = played[1]
    assert traj.keys() == {"environment", "trajectory", "history", "info"}
    for step, told in zip(traj["trajectory"], episode.steps, strict=True):
        assert step.keys() == {"action", "observation", "response", "state", "thought", "execution_time"}
        assert json.loads(step["state"]) == {}
        assert (step["observation"], step["execution_time"]) == (told.observation, told.elapsed_s)
    assert [step["action"] for step in traj["trajectory"][3:]] == [
        "cat zürich.txt; python baseline.py", "validate", "submit",
    ]  # fmt: skip
    assert [item["role"] for item in traj["history"]] == ["system", *["user", "assistant"] * 6]
    assert {item["agent"] for item in traj["history"]} == {"primary_0"}
    for item, step in zip(traj["history"][2::2], traj["trajectory"], strict=True):
        assert item == {"role": "assistant", "content": step["response"], "thought": step["thought"],
                        "action": step["action"], "agent": "primary_0"}  # fmt: skip
    metric, score = "value_over_bound", episode.steps[4].score
    assert score is not None
    assert results == {
        "agent": [{metric: score}, {metric: episode.test_score}],
        "baseline": {metric: episode.baseline_score},
    }
    info = traj["info"]
    assert info["exit_status"] == "submitted"
    assert info["score"] == results["agent"]
    assert info["submission"] == ""
    assert info["model_stats"] == {
        "total_cost": 0.0,
        "task_cost": 0.0,
        "tokens_sent": 0,
        "tokens_received": 0,
        "api_calls": 6,
    }
    assert info["mlgym_synth"]["reward"] == episode.total_reward


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"exit_status": "auto_submitted"}, "autosubmission (max_steps)"),
        ({"exit_status": "no_submission", "test_score": None}, "submission_not_found (max_steps)"),
        ({"exit_status": "invalid_submission", "test_score": None}, "evaluation_format_error (max_steps)"),
        ({"exit_status": "sandbox_lost", "test_score": None}, "early_exit"),
        ({"exit_status": None, "fault": "agent", "test_score": None}, "early_exit"),
        ({"exit_status": None, "fault": "model", "test_score": float("nan")}, "submission_not_found (exit_api)"),
    ],
)
def test_traj_says_in_mlgyms_words_how_it_ended(ended: dict[str, Any], said: str, tmp_path: Path) -> None:
    write_traj([an_episode(**ended, progress=None, baseline_score=None)], tmp_path / "out")
    (file,) = (tmp_path / "out").glob("*/*.traj")
    assert json.loads(file.read_text())["info"]["exit_status"] == said
    graded = ended["exit_status"] == "auto_submitted"
    assert json.loads((file.parent / "results.json").read_text()) == {"agent": [{"mae": 1.5}] if graded else []}


def test_validations_of_a_cut_episode_are_all_that_are_left(tmp_path: Path) -> None:
    looks = [a_step(tool("validate"), "scored", tool="validate", score=score) for score in (1.9, 1.7)]
    episode = an_episode(*looks, a_step(bash("x" * 4000)), a_step(tool("submit"), tool="submit", score=1.5))
    kept, _ = apply([episode], [cut_to(500, estimate(Form(text=True)))])
    (cut,) = kept
    assert (len(cut.steps), cut.validations) == (2, [(1, 1.9), (2, 1.7)])
    write_traj([cut], tmp_path / "out")
    (file,) = (tmp_path / "out").glob("*/results.json")
    assert json.loads(file.read_text())["agent"] == [{"mae": 1.9}, {"mae": 1.7}, {"mae": 1.5}]


def test_an_episode_without_steps_is_a_traj_too(tmp_path: Path) -> None:
    nothing = Trajectory("own-0001", "human", 0, statement="Do it.", fault="agent")
    assert write_traj([nothing], tmp_path / "out") == 1
    (file,) = (tmp_path / "out").glob("*/*.traj")
    assert [item["role"] for item in json.loads(file.read_text())["history"]] == ["user"]


def test_rows_say_when_their_end_was_cut_off(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    counter = by_tokenizer(str(tmp_path / "tokenizer"))
    episode = an_episode(*(a_step(bash("ls"), "x" * 100, reward=0.05) for _ in range(20)))
    whole = counter.count(episode)
    assert counter.count(an_episode(a_step(bash("\ud800")))) > 0
    for limit in (whole, whole - 1, whole - 1000):
        kept, _ = apply([episode], [cut_to(limit, counter)])
        write_trl(kept, tmp_path / "sft.jsonl")
        (row,) = load(tmp_path / "sft.jsonl", tmp_path)
        # What a trainer makes of the row is as long as was asked for, the template's marks and the tools included.
        assert len(tokenizer.apply_chat_template(row["messages"], tools=row["tools"])["input_ids"]) <= limit
        assert (row["truncated"], row["reward"]) == (limit < whole, pytest.approx(1.0))
        assert (row["steps"] == 20) == (limit == whole)
    assert len(list(apply([episode], [at_most(whole, counter)])[0])) == 1
    assert list(apply([episode], [at_most(whole - 1, counter)])[0]) == []


def test_a_tokenizer_without_a_template_counts_the_turns(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer).save_pretrained(tmp_path / "tokenizer")
    counter = by_tokenizer(str(tmp_path / "tokenizer"), Form(text=True))
    assert counter.count(an_episode(a_step("Ω", "unseen"), statement="Do it.")) == 8  # bytes
    assert "no chat template" in counter.name


def test_a_template_that_takes_no_such_conversation(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    refusing = "{% if messages[2].role == 'tool' %}{{ raise_exception('Only user and assistant roles') }}{% endif %}"
    core = tokenizer.backend_tokenizer
    PreTrainedTokenizerFast(tokenizer_object=core, chat_template=refusing).save_pretrained(tmp_path / "tokenizer")
    with pytest.raises(TokenizerUnavailable, match="refuses an episode of task-0001: Only user and assistant roles"):
        by_tokenizer(str(tmp_path / "tokenizer")).count(an_episode())
    assert by_tokenizer(str(tmp_path / "tokenizer"), Form(text=True)).count(an_episode()) == 0


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "~/nowhere", "a/b/c"])
def test_a_tokenizer_that_is_not_there(name: str) -> None:
    with pytest.raises(TokenizerUnavailable, match=re.escape(name)):
        by_tokenizer(name)


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(TokenizerUnavailable, match=r"Give a folder with tokenizer\.json"):
        by_tokenizer(str(tmp_path))


@pytest.mark.parametrize("form_at", FORMATS)
def test_a_failure_half_way_leaves_what_was_there(form_at: str, tmp_path: Path) -> None:
    def failing() -> Iterator[Trajectory]:
        yield an_episode()
        raise RuntimeError("the disk is gone")

    out = tmp_path / "out"
    if form_at != "traj":
        out.write_text("the last export\n")
    with pytest.raises(RuntimeError, match="the disk is gone"):
        FORMATS[form_at](failing(), out, Form())
    assert list(tmp_path.iterdir()) == ([] if form_at == "traj" else [out])
    assert form_at == "traj" or out.read_text() == "the last export\n"


@pytest.mark.parametrize("form_at", FORMATS)
def test_nothing_to_write_leaves_what_was_there(form_at: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if form_at != "traj":
        out.write_text("the last export\n")
    assert FORMATS[form_at]([], out, Form()) == 0
    assert list(tmp_path.iterdir()) == ([] if form_at == "traj" else [out])


def test_a_file_is_replaced_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_text("old\n")
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    write_trl([an_episode()], tmp_path / "link.jsonl")
    assert (tmp_path / "link.jsonl").is_symlink()
    assert json.loads((tmp_path / "real.jsonl").read_text())["task_id"] == "task-0001"


def test_a_full_disk_is_nobodys_wrong_argument(tmp_path: Path) -> None:
    """It may have room later: the system's own error, which ends a command as infrastructure's."""
    out = tmp_path / "sft.jsonl"
    out.write_text("old\n")
    least, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, most))
    try:
        with pytest.raises(OSError, match=r"File too large\. Nothing was changed there"):
            write_trl([an_episode()], out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (least, most))
    assert out.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [out]


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    for write, out in [
        (write_trl, tmp_path / "full"), (write_sharegpt, tmp_path / "file" / "below"), (write_traj, tmp_path / "full"),
        (write_traj, tmp_path / "file"), (write_traj, tmp_path / "file" / "below"), (write_trl, Path("/proc/nowhere")),
    ]:  # fmt: skip
        with pytest.raises(ExportError, match=re.escape(str(out))):
            write([an_episode()], out)
    assert (tmp_path / "full" / "mine.txt").read_text() == "precious"
    assert (tmp_path / "file").read_text() == "precious"
    write_traj([an_episode()], tmp_path / "new" / "and" / "deep")
    assert len(list((tmp_path / "new" / "and" / "deep").iterdir())) == 1
