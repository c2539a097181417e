"""GRPO through the real loop on two CPU cores: a tiny random model, real sandboxes, returns of the env.

    python benchmarks/grpo_smoke.py [--steps 12]

The model is no language model: its weights are random, but for a bias towards four tokens, three tool calls and the
end of the answer. What it shows is the loop and no more: calls are parsed, run in sandboxes and answered, the returns
of the env are the rewards, and weights change by them. A dozen steps of four episodes are too few to see returns rise.
Writes `results/grpo_smoke.json`: the mean return of every step.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from common import write

from mlgym_synth.training.grpo import EPISODES, load_grpo_recipe, train_grpo

TASKS = ("task-0006", "task-0007")
RUN, VALIDATE, SUBMIT = (
    f'<tool_call>\n{{"name": "{name}", "arguments": {json.dumps(arguments)}}}\n</tool_call>'
    for name, arguments in (("bash", {"command": "python baseline.py"}), ("validate", {}), ("submit", {}))
)
SETTINGS: dict[str, Any] = {
    "generations": 4,
    "episodes": 1,
    "max_completion_length": 1200,
    "max_tool_calls": 4,
    "max_steps": 6,
    "learning_rate": 2e-3,
    "limits": {"tool_s": 20.0},
}


def make_tiny_model(folder: Path, bias: float = 8.0, seed: int = 0) -> None:
    """A Qwen3 with one layer of 32, Qwen3's chat template, and a tokenizer of bytes and whole tool calls."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
    from trl.chat_template_utils import qwen3_chat_template

    letters = {letter: n for n, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    bytes_only = Tokenizer(models.BPE(vocab=letters, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytes_only.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_only,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=qwen3_chat_template,
    )
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in (RUN, VALIDATE, SUBMIT, "<|im_start|>")])
    torch.manual_seed(seed)
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    model = Qwen3ForCausalLM(Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=16384, tie_word_embeddings=False, **ids,
    ))  # fmt: skip
    likely = tokenizer.convert_tokens_to_ids([RUN, VALIDATE, SUBMIT, "<|im_end|>"])
    with torch.no_grad():  # one number that is large in every state makes a column of the last layer a bias
        model.model.embed_tokens.weight[:, 0] = 5.0
        model.lm_head.weight[likely, 0] = bias / 32**0.5
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--sandbox", default="auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        make_tiny_model(Path(scratch, "model"))
        recipe = load_grpo_recipe(None, model=str(Path(scratch, "model")), steps=arguments.steps, **SETTINGS)
        result = train_grpo(TASKS, recipe, Path(scratch, "out"), arguments.sandbox)
        episodes = [json.loads(line) for line in Path(scratch, "out", EPISODES).read_text().splitlines()]
    write("grpo_smoke", {
        "tasks": TASKS, "steps": result.steps, "seconds": result.seconds, "episodes": len(episodes),
        "faults": sum(episode["fault"] is not None for episode in episodes),
        "mean_return_by_step": [round(value, 4) for value in result.rewards],
    })  # fmt: skip


if __name__ == "__main__":
    main()
