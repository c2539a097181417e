"""What the endpoints of the tests answer to an agent."""

from __future__ import annotations

from tests.llm_server import call

KEY = "sk-test-0123456789abcdef"
TASK = "task-0018"  # a program task: its baseline takes no time
RUN = call(("bash", {"command": "python baseline.py"}), content="First the baseline.")
SUBMIT = call(("submit", {}))
