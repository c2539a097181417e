"""What proposals are about: every candidate gets a field and a kind of task of its own.

Asked for topics freely, a model names the same thirty again and again, and what it said before would have to be told to
every later call, which a run that goes on after a kill could not repeat. So fields and kinds are dealt here: all pairs
in the order of the run's seed, a second round only when the first is over.
"""

from __future__ import annotations

import random
from functools import lru_cache

FAMILIES = ("tabular-regression", "tabular-classification", "calibration", "few-labels", "time-series-forecasting")
"""What a model writes: tasks on tables, whose grading is ours."""
FIELDS = (
    "medicine: diagnosis", "medicine: treatment outcomes", "public health", "epidemiology", "nutrition", "genetics",
    "neuroscience", "psychology", "sleep and physical activity", "pharmacology", "ecology", "wildlife and conservation",
    "forestry", "agriculture: crops", "agriculture: livestock", "fisheries", "oceanography", "meteorology", "climate",
    "air quality", "water quality", "geology and soils", "astronomy", "physics experiments", "chemistry",
    "materials science", "manufacturing quality", "predictive maintenance", "energy demand", "renewable energy",
    "buildings", "transport: public", "transport: roads and accidents", "aviation", "shipping and logistics",
    "real estate", "labour economics", "wages and careers", "education: schools", "education: universities",
    "household finance", "credit and lending", "insurance", "stock and bond markets", "marketing", "retail demand",
    "online behaviour", "customer service", "telecommunications", "elections and politics", "crime and justice",
    "demography", "international development", "sociology: surveys", "linguistics", "literature and books",
    "film and television", "music", "football and other team sports", "individual sports", "games and puzzles",
    "food and wine", "tourism and hotels", "history and archaeology", "cybersecurity", "software engineering",
)  # fmt: skip


@lru_cache(maxsize=4)
def _dealt(seed: int, lap: int) -> tuple[tuple[str, str], ...]:
    """All pairs in an order that goes through all fields before it comes to one again."""
    rng = random.Random(f"{seed} {lap}")
    fields = rng.sample(FIELDS, len(FIELDS))
    first = [rng.randrange(len(FAMILIES)) for _ in fields]
    return tuple(
        (name, FAMILIES[(start + turn) % len(FAMILIES)])
        for turn in range(len(FAMILIES))
        for name, start in zip(fields, first, strict=True)
    )


def topic(seed: int, number: int) -> tuple[str, str]:
    """Field and family of candidate `number`."""
    lap, place = divmod(number, len(FIELDS) * len(FAMILIES))
    return _dealt(seed, lap)[place]
