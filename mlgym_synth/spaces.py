"""The two spaces of a `SynthEnv`: text out, tool calls in. Small, because `gymnasium.spaces.Text` is alphanumeric."""

from __future__ import annotations

from typing import Any

from gymnasium.spaces import Space

from mlgym_synth.tools import TOOLS

_SAMPLES = {
    "command": "ls",
    "path": "baseline.py",
    "content": "",
    "old": "import",
    "new": "import",
    "pattern": "import",
}


class TextSpace(Space[str]):
    """Every `str`."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(shape=None, dtype=None, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Text has no fixed-size array form."""
        return False

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A short word."""
        return "".join(chr(97 + int(letter)) for letter in self.np_random.integers(0, 26, size=8))

    def contains(self, x: Any) -> bool:
        """Whether `x` is a string."""
        return isinstance(x, str)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSpace)

    def __hash__(self) -> int:
        return hash(TextSpace)

    def __repr__(self) -> str:
        return "TextSpace()"


class ToolCallSpace(Space[dict[str, Any]]):
    """Tool calls `{"tool": name, "arguments": {...}}`. `contains` is strict; `step` takes anything and corrects."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(shape=None, dtype=None, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Tool calls have no fixed-size array form."""
        return False

    def sample(self, mask: Any = None, probability: Any = None) -> dict[str, Any]:
        """A harmless call of a random tool, required arguments only."""
        tool = list(TOOLS.values())[int(self.np_random.integers(len(TOOLS)))]
        arguments = {name: _SAMPLES[name] for name, parameter in tool.parameters.items() if parameter.required}
        return {"tool": tool.name, "arguments": arguments}

    def contains(self, x: Any) -> bool:
        """Whether `x` names a tool and its arguments fit the tool's schema."""
        if not isinstance(x, dict) or set(x) - {"tool", "arguments"}:
            return False
        tool, arguments = x.get("tool"), x.get("arguments", {})
        if not isinstance(tool, str) or tool not in TOOLS or not isinstance(arguments, dict):
            return False
        return TOOLS[tool].fault(arguments) is None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ToolCallSpace)

    def __hash__(self) -> int:
        return hash(ToolCallSpace)

    def __repr__(self) -> str:
        return f"ToolCallSpace({', '.join(TOOLS)})"
