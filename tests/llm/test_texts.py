"""Code out of answers, and what a prompt is known by."""

from __future__ import annotations

import time

import pytest

from mlgym_synth.llm.model import (
    Refused,
    prompt_sha256,
)
from mlgym_synth.llm.texts import extract_code
from tests.llm.asking import MESSAGES, propose
from tests.llm_server import answer

# Prompts and code


def test_a_prompt_is_known_by_its_content() -> None:
    swapped = [dict(reversed(message.items())) for message in MESSAGES]
    assert prompt_sha256(MESSAGES) == prompt_sha256(swapped)
    assert prompt_sha256(MESSAGES) != prompt_sha256(MESSAGES[:1])
    assert len(prompt_sha256([])) == 64


@pytest.mark.parametrize(
    "text",
    [
        "```python baseline.py\nx = 1\n```",
        "```baseline.py\nx = 1\n```",
        "```python:baseline.py\nx = 1\n```",
        '```python title="baseline.py"\nx = 1\n```',
        "```python\n# file: baseline.py\nx = 1\n```",
        "```python\n# baseline.py\nx = 1\n```",
        "**baseline.py**\n\n```python\nx = 1\n```",
        "### baseline.py\n```python\nx = 1\n```",
        "### 1. `baseline.py`:\n```python\nx = 1\n```",
        "File: baseline.py\n~~~~\nx = 1\n~~~~",
        "<think>```</think>Here:\r\n\r\n```python baseline.py\r\nx = 1\r\n```\r\n",
        "- item\n\n  **./baseline.py**\n  ```python\n  x = 1\n  ```",
        "```bash\npython baseline.py\n```\n```python baseline.py\nx = 1\n```",
    ],
)
def test_a_file_is_named_in_any_of_the_usual_ways(text: str) -> None:
    assert extract_code(text) == {"baseline.py": "x = 1\n"}


def test_several_files_and_blocks_inside_of_blocks() -> None:
    readme = "# Wine\n```bash\npython baseline.py\n```\nGood luck.\n"
    text = f"```markdown README.md\n{readme}```\ntext\n```yaml src/task.yaml\na: 1\n```\n"
    assert extract_code(text) == {"README.md": readme, "src/task.yaml": "a: 1\n"}


def test_a_single_block_needs_no_name() -> None:
    assert extract_code("So:\n```python\nx = 1\n\n\ny = 2\n```\nDone.") == {"": "x = 1\n\n\ny = 2\n"}


def test_blocks_without_names_are_what_was_asked_for_when_their_number_fits() -> None:
    asked = ("task.json", "baseline.py")
    nameless = "```json\n{}\n```\nand\n```python\nx = 1\n```"
    assert extract_code(nameless, asked) == {"task.json": "{}\n", "baseline.py": "x = 1\n"}
    assert extract_code("```json\n{}\n```\n```python baseline.py\nx = 1\n```", asked) == {
        "baseline.py": "x = 1\n",
        "task.json": "{}\n",
    }
    with pytest.raises(Refused, match="without file names"):
        extract_code(nameless, (*asked, "solution.py"))
    with pytest.raises(Refused, match="leaves the folder"):
        extract_code("```python ../baseline.py\nx = 1\n```\n```json\n{}\n```", asked)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no code", "no code block"),
        ("```python\nx = 1\n", "truncated"),
        ("```python a.py\nx = 1\n```\n```python b.py\nx = ", "truncated"),
        ("```\na\n```\n```\nb\n```", "several code blocks without file names"),
        ("```python ../a.py\nx = 1\n```", "leaves the folder"),
        ("```python /tmp/a.py\nx = 1\n```", "leaves the folder"),
    ],
)
def test_code_that_cannot_be_taken_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        extract_code(text)


@pytest.mark.parametrize("unit", ["{ ", '{"', "[{", "```\n", "<think></think>", "</think>", '{"a":', "a/", "`"])
def test_reading_is_linear_in_the_text(unit: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refused):
        extract_code(unit * (2_000_000 // len(unit)))
    with pytest.raises(Refused):
        propose([answer(unit * (1_500_000 // len(unit) // 2))])
    assert time.monotonic() - began < 10
