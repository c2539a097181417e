"""The loss is of the assistant's words alone, whatever the template; one that cannot tell them is refused."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jinja2
import pytest
from tokenizers import processors

from mlgym_synth.training.errors import TemplateUnusable
from mlgym_synth.training.grpo import checked_tokenizer
from mlgym_synth.training.masks import Encoded, end_tokens, keep_template, make_encoder
from mlgym_synth.trajectories.export import write_trl
from mlgym_synth.trajectories.tokens import by_loaded
from mlgym_synth.trajectories.turns import Form
from tests.training.tiny import (
    CALLS_UNMARKED,
    FORGETFUL,
    MARKED,
    MISMARKED,
    PLAIN,
    SCHEMA,
    WITHOUT_TOOLS,
    a_row,
    a_text_row,
    a_tokenizer,
)
from tests.trajectories.episodes import a_step, an_episode

LEARNED = [
    'I try depth 3.<call>bash {"command": "python train.py --depth 3"}</call><|im_end|>',
    '<call>bash {"command": "submit"}</call><|im_end|>',
]


def learned(encoded: Encoded, template: str) -> list[str]:
    tokenizer = a_tokenizer(template)
    return [tokenizer.decode(ids) for trained, ids in encoded.stretches() if trained]


def of_family(name: str) -> str:
    return resources.files("trl").joinpath(f"chat_templates/{name}.jinja").read_text()


@pytest.mark.parametrize(("template", "how"), [(MARKED, "own generation marks"), (PLAIN, "each beginning")])
def test_marks_and_beginnings_tell_the_same(template: str, how: str) -> None:
    encoder = make_encoder(a_tokenizer(template), with_tools=True)
    assert how in encoder.how
    assert not encoder.notes
    encoded = encoder.encode(a_row(3)["messages"], [SCHEMA])
    assert learned(encoded, template) == LEARNED
    assert end_tokens(a_tokenizer(), encoded) == [a_tokenizer().eos_token_id]


@pytest.mark.parametrize("family", ["qwen3", "qwen2_5", "qwen3_instruct_2507"])
def test_known_families_get_their_marks(family: str) -> None:
    template = of_family(family)
    assert "generation %}" not in template
    encoder = make_encoder(a_tokenizer(template), with_tools=True)
    assert "TRL" in encoder.how
    first, last = learned(encoder.encode(a_row(3)["messages"], [SCHEMA]), template)
    assert "I try depth 3." in first
    assert '{"name": "bash", "arguments": {"command": "python train.py --depth 3"}}' in first
    assert last.rstrip().endswith("</tool_call><|im_end|>")
    assert "accuracy" not in first + last


@pytest.mark.parametrize("family", ["qwen3", "qwen2_5"])
def test_a_kept_template_renders_as_in_training(family: str, tmp_path: Path) -> None:
    tokenizer, messages = a_tokenizer(of_family(family)), a_row(3)["messages"]
    trained = make_encoder(tokenizer, with_tools=True)
    keep_template(tokenizer, trained.template)
    tokenizer.save_pretrained(str(tmp_path))
    served = checked_tokenizer(str(tmp_path))  # rewards can go on where examples ended
    whole = trained.encode(messages, [SCHEMA])
    for turn in (1, 3):
        history = served.apply_chat_template(messages[: turn + 2], tools=[SCHEMA], return_dict=False)
        assert history == whole.ids[: len(history)].tolist()
    again = make_encoder(served, with_tools=True)
    assert again.encode(messages, [SCHEMA]).ids == whole.ids
    jinja2.Environment(extensions=["jinja2.ext.loopcontrols"]).parse(served.chat_template)  # as other engines do


def test_an_export_counts_the_tokens_that_are_trained_on(tmp_path: Path) -> None:
    tokenizer, said = a_tokenizer(of_family("qwen3")), an_episode(*(a_step(None, f"seen {n}") for n in range(5)))
    write_trl([said], tmp_path / "sft.jsonl")
    row = json.loads((tmp_path / "sft.jsonl").read_text())
    trained = make_encoder(tokenizer, with_tools=True).encode(row["messages"], row["tools"])
    assert by_loaded(tokenizer, "tiny").count(said) == len(trained.ids)


def test_every_step_of_an_export_is_learned(tmp_path: Path) -> None:
    said = an_episode(
        *(a_step({"tool": "bash", "arguments": {"command": f"echo Grüezi {n} 👋"}}, f"seen {n}") for n in range(5)),
        a_step(None, "That was no call."),
    )
    for form in (Form(), Form(text=True, system="Be brief.")):
        write_trl([said], tmp_path / "sft.jsonl", form)
        row = json.loads((tmp_path / "sft.jsonl").read_text())
        encoder = make_encoder(a_tokenizer(), with_tools="tools" in row)
        stretches = learned(encoder.encode(row["messages"], row.get("tools")), PLAIN)
        assert len(stretches) == 6
        assert all(f"echo Grüezi {number} 👋" in stretch for number, stretch in enumerate(stretches[:5]))
        assert not any("seen" in stretch or "no call" in stretch for stretch in stretches)


@pytest.mark.parametrize("after", ["\n", ": "])
def test_indentation_is_learned_where_offsets_leave_spaces_out(after: str) -> None:
    template = WITHOUT_TOOLS.replace("}}\n{{", "}}" + after + "{{").replace("assistant\n", "assistant" + after)
    tokenizer = a_tokenizer(template)
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)  # as GPT-NeoX's
    said = "    for x in y:\n        print(x)"
    messages = [
        {"role": "user", "content": "  Go on. "},
        {"role": "assistant", "content": said},
        {"role": "user", "content": "  And? "},
    ]
    encoded = make_encoder(tokenizer, with_tools=False).encode(messages, None)
    assert learned(encoded, template) == [said + "<|im_end|>"]  # without a space that stands before it


def test_a_template_without_tools_does_for_text_only() -> None:
    with pytest.raises(TemplateUnusable, match=r"leaves out the tools on offer and calls of tools.*--text"):
        make_encoder(a_tokenizer(WITHOUT_TOOLS), with_tools=True)
    encoder = make_encoder(a_tokenizer(WITHOUT_TOOLS), with_tools=False)
    assert learned(encoder.encode(a_text_row(3)["messages"], None), WITHOUT_TOOLS) == [
        "```bash\npython train.py --depth 3\n```<|im_end|>",
        "```bash\nsubmit\n```<|im_end|>",
    ]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "has no chat template"),
        (FORGETFUL, "otherwise once it goes on"),
        (MISMARKED, "are not around what the assistant says"),
        (CALLS_UNMARKED, "leave out calls of tools.*--text"),
        (PLAIN + "{{ raise_exception('No tools please') }}", "refuses a conversation: No tools please"),
        (PLAIN + "{{ nothing.there }}", "refuses a conversation"),
        ("{% if %}", "refuses a conversation"),
    ],
)
def test_a_template_that_cannot_tell_is_refused(template: str | None, message: str) -> None:
    tokenizer = a_tokenizer()
    tokenizer.chat_template = template
    with pytest.raises(TemplateUnusable, match=message):
        make_encoder(tokenizer, with_tools=True)


def test_an_empty_mask_is_refused() -> None:
    silent = MARKED.replace("{% generation %}", "{% if message.content != 'hush' %}{% generation %}").replace(
        "{% endgeneration %}", "{% endgeneration %}{% endif %}"
    )
    encoder = make_encoder(a_tokenizer(silent), with_tools=False)
    messages = [{"role": "user", "content": "Go."}, {"role": "assistant", "content": "hush"}]
    with pytest.raises(TemplateUnusable, match="renders nothing of what the assistant says"):
        encoder.encode(messages, None)


def test_a_template_that_does_not_teach_to_stop_is_told() -> None:
    endless = MARKED.replace("<|im_end|>{% endgeneration %}", "{% endgeneration %}<|im_end|>")
    assert make_encoder(a_tokenizer(endless), with_tools=True).notes == (
        "the end of a turn is not trained on: it may not stop",
    )


def test_all_is_trained_on_if_asked_for() -> None:
    encoded = make_encoder(a_tokenizer(), with_tools=True, assistant_only=False).encode(a_row()["messages"], [SCHEMA])
    assert all(encoded.mask)
    assert len(encoded.mask) == len(encoded.ids)
