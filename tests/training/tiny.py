"""A model, a tokenizer and exports that are small enough to be trained on in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, set_seed

_HEAD = """\
{%- if tools %}<|im_start|>system
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}"""
_CALLS = """\
{%- for call in message.tool_calls or [] %}<call>{{ call.function.name }} {{ call.function.arguments | tojson }}</call>
{%- endfor %}"""
_ASK = "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

PLAIN = (
    _HEAD
    + """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}"""
    + _CALLS
    + """<|im_end|>
{% endfor %}"""
    + _ASK
)
"""Knows tools, has no marks, and no one has seen it before."""

MARKED = (
    _HEAD
    + """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.role == 'assistant' %}{% generation %}{{ message.content }}"""
    + _CALLS
    + """<|im_end|>{% endgeneration %}{% else %}{{ message.content }}<|im_end|>{% endif %}
{% endfor %}"""
    + _ASK
)
MISMARKED = PLAIN.replace("{{ message.content }}", "{% generation %}{{ message.content }}{% endgeneration %}")
CALLS_UNMARKED = MARKED.replace("{{ message.content }}", "{{ message.content }}{% endgeneration %}", 1).replace(
    "<|im_end|>{% endgeneration %}", "<|im_end|>"
)
WITHOUT_TOOLS = (
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}" + _ASK
)
FORGETFUL = PLAIN.replace(
    "{{ message.content }}",
    "{% if message.role == 'assistant' and not loop.last %}...{% else %}{{ message.content }}{% endif %}",
)
"""What the assistant said is gone as soon as the conversation goes on."""

SCHEMA = {
    "type": "function",
    "function": {
        "name": "bash",
        "description": "Run.",
        "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
    },
}


def a_tokenizer(template: str = PLAIN, merges_of: str = "") -> PreTrainedTokenizerFast:
    """Over bytes, that needs no download, with the merges of a text; one at least, else there is no GGUF file."""
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "ab"]
    core = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=[("a", "b")]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if merges_of:
        trainer = trainers.BpeTrainer(vocab_size=4000, initial_alphabet=tokens[:-1], show_progress=False)
        core.train_from_iterator([merges_of], trainer)
    core.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        additional_special_tokens=["<|im_start|>"],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=template,
    )


def a_model_folder(folder: Path, template: str = PLAIN, *, qwen: bool = False, merges_of: str = "") -> Path:
    """Randomly initialised, the same each time."""
    tokenizer = a_tokenizer(template, merges_of)
    shape = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
        "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None, "tie_word_embeddings": False,
    }  # fmt: skip
    set_seed(0)
    model = Qwen2ForCausalLM(Qwen2Config(**shape)) if qwen else LlamaForCausalLM(LlamaConfig(**shape))
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


def a_call(command: str, thought: str = "") -> dict[str, Any]:
    function = {"name": "bash", "arguments": {"command": command}}
    return {"role": "assistant", "content": thought, "tool_calls": [{"type": "function", "function": function}]}


def a_row(number: int = 0, **more: Any) -> dict[str, Any]:
    """An episode of two steps, as exported."""
    messages = [
        {"role": "user", "content": f"Task {number}: beat the baseline."},
        a_call(f"python train.py --depth {number}", f"I try depth {number}."),
        {"role": "tool", "name": "bash", "content": f"accuracy 0.{70 + number}"},
        a_call("submit"),
        {"role": "tool", "name": "bash", "content": "Handed in."},
    ]
    return {"messages": messages, "tools": [SCHEMA], "task_id": f"gone-{number:04}", "split": "train", **more}


def a_text_row(number: int = 0, **more: Any) -> dict[str, Any]:
    """The same as text."""
    messages = [
        {"role": "user", "content": f"Task {number}: beat the baseline."},
        {"role": "assistant", "content": f"```bash\npython train.py --depth {number}\n```"},
        {"role": "user", "content": f"accuracy 0.{70 + number}"},
        {"role": "assistant", "content": "```bash\nsubmit\n```"},
    ]
    return {"messages": messages, "task_id": f"gone-{number:04}", "split": "train", **more}


def an_export(file: Path, rows: list[Any]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file
