"""A model on the Hub is told by its commit, and stays at it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, Qwen2Config

from mlgym_synth.training.models import Model, find_model, load_tokenizer, load_weights
from mlgym_synth.training.run_folder import remembered_revision


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is asked of a Hub whose newest commit is `new`."""
    found: list[dict[str, Any]] = []

    def answer(name: str, **more: Any) -> Any:
        found.append(more)
        config = Qwen2Config(hidden_size=32, transformers_version=f"5.{len(found)}")
        config._commit_hash = more.get("revision", "new")
        return config

    monkeypatch.setattr(AutoConfig, "from_pretrained", answer)
    return found


def test_the_commit_is_remembered_and_the_version_of_the_reader_is_not(asked: list[dict[str, Any]]) -> None:
    first, second = find_model("org/model"), find_model("org/model")
    assert first == second
    assert first.revision == first.identity["revision"] == "new"
    older = find_model("org/model", "old")
    assert (older.revision, older.identity["revision"]) == ("old", "old")
    assert asked == [{}, {}, {"revision": "old"}]


def test_what_was_found_is_what_is_loaded(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revisions = []
    for kind in (AutoModelForCausalLM, AutoTokenizer):
        original = kind.from_pretrained

        def answer(name: str, revision: str | None = None, original: Any = original, **more: Any) -> Any:
            revisions.append((name, revision))
            return original(str(model), **more)

        monkeypatch.setattr(kind, "from_pretrained", answer)
    tokenizer = load_tokenizer("org/model", "old")
    load_weights(Model("org/model", "org/model", {}, "old"), "float32", None, len(tokenizer))
    assert revisions == [("org/model", "old")] * 2


def test_a_training_goes_on_with_the_commit_that_it_was_begun_with(tmp_path: Path) -> None:
    assert remembered_revision(tmp_path, "org/model") is None
    identity = {"model": {"hub": "org/model", "revision": "old", "config_sha256": "0"}}
    (tmp_path / "training.json").write_text(json.dumps({"identity": identity}))
    assert remembered_revision(tmp_path, "org/model") == "old"
    assert remembered_revision(tmp_path, "org/other") is None
    (tmp_path / "training.json").write_text(json.dumps({"identity": {"model": {"sha256": {}}}}))
    assert remembered_revision(tmp_path, "org/model") is None
