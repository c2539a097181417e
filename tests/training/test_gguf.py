"""A GGUF file becomes a model folder with the weights and the tokenizer that are in it."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest
import torch
from transformers import AutoModelForCausalLM

from mlgym_synth.agents.scripted import tool
from mlgym_synth.cli import main
from mlgym_synth.training.dry_run import dry_run
from mlgym_synth.training.errors import ModelUnusable
from mlgym_synth.training.gguf import from_gguf, tokenizer_of
from mlgym_synth.training.models import find_model, load_tokenizer
from mlgym_synth.training.recipe import load_recipe
from mlgym_synth.training.sft import train
from mlgym_synth.trajectories.store import TrajectoryStore
from mlgym_synth.trajectories.tokens import by_tokenizer
from tests.training.tiny import PLAIN, a_model_folder, a_tokenizer
from tests.trajectories.episodes import a_step, an_episode


def written(folder: Path, file: Path, pre: str = "qwen2", kind: str = "qwen2") -> Path:
    """The tiny model of a folder as a GGUF file, unquantised, as llama.cpp's converter lays it out."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(str(folder)), a_tokenizer()
    shape, writer = model.config, gguf.GGUFWriter(str(file), kind)
    writer.add_block_count(shape.num_hidden_layers)
    writer.add_context_length(shape.max_position_embeddings)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_feed_forward_length(shape.intermediate_size)
    writer.add_head_count(shape.num_attention_heads)
    writer.add_head_count_kv(shape.num_key_value_heads)
    writer.add_layer_norm_rms_eps(shape.rms_norm_eps)
    writer.add_rope_freq_base(shape.rope_parameters["rope_theta"])
    writer.add_vocab_size(shape.vocab_size)
    names = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(names)
    writer.add_token_types([3 if name.startswith("<|") else 1 for name in names])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template(PLAIN)
    known = gguf.get_tensor_name_map(gguf.MODEL_ARCH[kind.upper()], shape.num_hidden_layers)
    for name, weight in model.state_dict().items():
        writer.add_tensor(known.get_name(name, try_suffixes=(".weight", ".bias")), weight.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_model_folder(tmp_path_factory.mktemp("models") / "qwen", qwen=True)


@pytest.fixture(scope="module")
def file(qwen: Path) -> Path:
    return written(qwen, qwen.with_name("tiny.gguf"))


def test_weights_and_tokenizer_are_those_of_the_file(file: Path, qwen: Path, tmp_path: Path) -> None:
    folder = from_gguf(file, tmp_path / "plain")
    before, after = (AutoModelForCausalLM.from_pretrained(str(one)).state_dict() for one in (qwen, folder))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert "quantization_config" not in (folder / "config.json").read_text()
    tokenizer, text = load_tokenizer(str(folder)), "<|im_start|>user\nGrüezi 👋<|im_end|>"
    assert tokenizer(text)["input_ids"] == a_tokenizer()(text)["input_ids"]
    assert tokenizer.chat_template == PLAIN


def test_it_is_trained_on_as_a_folder_is(
    file: Path, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLGYM_SYNTH_CACHE", str(tmp_path / "cache"))
    recipe = load_recipe(None, ["max_steps=2", "max_length=1024"], model=str(file))
    assert dry_run([export], recipe).summary()["kept"] == 12
    assert not (tmp_path / "cache").exists()  # no weights were read
    assert train([export], recipe, tmp_path / "out").steps == 2
    assert find_model(str(file)).name == find_model(str(file)).name
    assert len(list((tmp_path / "cache" / "models").glob("*/model.safetensors"))) == 1


def test_digits_are_split_as_llama_cpp_splits_them(model: Path, tmp_path: Path) -> None:
    """The pieces are those of llama.cpp's tokens for SmolLM2: what is before a digit is cut without regard to it."""
    file = written(model, tmp_path / "tiny.gguf", "smollm", "llama")
    folder = from_gguf(file, tmp_path / "plain")
    for tokenizer in (tokenizer_of(file), load_tokenizer(str(folder))):
        split = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str
        assert [piece for piece, _ in split("\n\n3")] == ["ĊĊ", "3"]
        assert [piece for piece, _ in split("    200 it")] == ["ĠĠĠĠ", "2", "0", "0", "Ġit"]


def test_how_text_is_split_is_not_guessed(qwen: Path, tmp_path: Path) -> None:
    assert load_tokenizer(str(written(qwen, tmp_path / "known.gguf", "gpt-2"))).chat_template == PLAIN
    with pytest.raises(ModelUnusable, match=r"nobody here knows how its text is split .*'bloom'.*Give a model folder"):
        load_tokenizer(str(written(qwen, tmp_path / "unknown.gguf", "bloom")))


def test_what_is_no_gguf_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match=r"there\.gguf: No such file"):
        find_model(str(tmp_path / "there.gguf"))
    (tmp_path / "page.gguf").write_text("<html>")
    with pytest.raises(ModelUnusable, match="is not a GGUF file"):
        find_model(str(tmp_path / "page.gguf"))
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    with pytest.raises(ModelUnusable, match=r"cut\.gguf: transformers cannot read it"):
        load_tokenizer(str(tmp_path / "cut.gguf"))


def test_an_export_is_counted_by_a_file_as_by_its_folder(file: Path, qwen: Path, tmp_path: Path) -> None:
    episode = an_episode(a_step(tool("submit"), "Handed in.", reward=0.5))
    with TrajectoryStore(tmp_path / "run") as store:
        store.put(episode)
    tokens = by_tokenizer(str(qwen)).count(episode)
    command = ["export", str(tmp_path / "run"), "--format", "trl", "--out", str(tmp_path / "out.jsonl")]
    assert main([*command, "--max-tokens", str(tokens), "--tokenizer", str(file)]) == 0
    assert main([*command, "--max-tokens", str(tokens - 1), "--tokenizer", str(file)]) == 1
