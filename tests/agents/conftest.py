"""No endpoint and no proxy of the developer's own, and no long waits."""

from __future__ import annotations

import pytest

from tests.agents.playing import KEY


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("mlgym_synth.llm.model.LONGEST_WAIT_S", 0.01)
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
