"""The LLM author with a real, small model on this machine: what it proposes, what the gates leave of it.

    python benchmarks/local_model.py --model qwen2.5-coder-1.5b-instruct-q4_k_m.gguf --out DIR [--proposals 30]

Serves the model behind the OpenAI API, runs `mlgym-synth synthesize --author llm` against it as a user would, and
writes the ledger's summary into `results/local_model_synthesis.json`. Run again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import write
from served import URL, add_arguments, alias_of, end_on_signals, served, server_of

from mlgym_synth.synthesis.examine import Examined
from mlgym_synth.synthesis.ledger import Account, Step, accounts

EXAMPLES = 3
MOST_REASON = 160


def summary(account: Account) -> dict[str, Any]:
    """Counts by stage and reason, tokens and seconds, of one run."""
    steps = [_with_reason(step) for step in account.steps]
    reasons: dict[str, Counter[str]] = {}
    for step in steps:
        if not step.passed:
            reasons.setdefault(step.stage, Counter())[" ".join(step.reason.split())[:MOST_REASON]] += 1
    rejected = [settled.stage for settled in account.candidates if settled.task_id is None]
    return {
        "settings": account.settings,
        "proposals": sum(step.stage == "proposal" for step in steps),
        "candidates": len(account.candidates),
        "registered": len(account.candidates) - len(rejected),
        "rejected_at": dict(Counter(rejected)),
        "attempts_passed": dict(Counter(step.stage for step in steps if step.passed)),
        "attempts_failed": dict(Counter(step.stage for step in steps if not step.passed)),
        "reasons": {stage: counted.most_common(EXAMPLES) for stage, counted in reasons.items()},
        "input_tokens": sum(step.input_tokens for step in steps),
        "output_tokens": sum(step.output_tokens for step in steps),
        "seconds": round(sum(step.seconds for step in steps), 1),
    }


def _with_reason(step: Step) -> Step:
    """An execution that rejected its draft, with the gate and reason that lie in its result."""
    if step.stage != "execution":
        return step
    found = Examined.loads(step.result)
    return step if found.passed else replace(step, passed=False, stage=found.stage, reason=found.reason)


def main() -> None:
    """Serve, synthesize, write the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file of an instruct model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--proposals", type=int, default=30)
    parser.add_argument("--context", type=int, default=8192)
    add_arguments(parser)
    arguments = parser.parse_args()
    server = server_of(arguments)
    end_on_signals()
    command = [sys.executable, "-m", "mlgym_synth.cli", "synthesize", "--author", "llm", "--base-url", URL]
    command += ["--model", alias_of(arguments.model), "--tasks", str(arguments.proposals), "--out", str(arguments.out)]
    command += ["--max-proposals", str(arguments.proposals), "--workers", "1", "--max-attempts", "2"]
    command += ["--timeout", "900", "--max-tokens", "2500", "--sandbox", "bwrap"]
    with served([arguments.model], arguments.context, server):
        subprocess.run(command, check=False, env={**os.environ, "OPENAI_API_KEY": "none"})
    digest = hashlib.sha256(arguments.model.read_bytes()).hexdigest()
    (account,) = accounts(arguments.out)
    account = replace(
        account, steps=[replace(s, result=s.result.replace(str(arguments.out), "DIR")) for s in account.steps]
    )
    write("local_model_synthesis", {"model": arguments.model.name, "sha256": digest, **summary(account)})


if __name__ == "__main__":
    main()
