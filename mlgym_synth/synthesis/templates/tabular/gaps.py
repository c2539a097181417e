"""Gaps in tables: single numbers hidden, to be filled from the rest of their row."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mlgym_synth.data.cells import prepare_cells
from mlgym_synth.data.prepared import Prepared
from mlgym_synth.errors import DatasetUnavailable, TaskInvalid
from mlgym_synth.synthesis.catalogue.formulations import formulations
from mlgym_synth.synthesis.draft import Draft, Unsuitable
from mlgym_synth.synthesis.templates.base import Idea, Template
from mlgym_synth.synthesis.templates.tabular.frame import Frame, frame_of
from mlgym_synth.synthesis.templates.tabular.parts import (
    CREATED,
    filters_of,
    finished,
    formulation_key,
)
from mlgym_synth.synthesis.templates.tabular.scripts import assembled, listed
from mlgym_synth.synthesis.templates.tabular.statement import metric_sentence
from mlgym_synth.synthesis.templates.tabular.trial import Script, Trial
from mlgym_synth.task import (
    CellData,
    Column,
    Metric,
    PredictionsSubmission,
    Provenance,
    SubmissionColumn,
    TaskSpec,
)

VERSION = 2
MOST_HIDDEN, FEWEST_VALUES = 8, 12
LARGEST, MOST_CELLS = 2000, 800
_READ = [
    'table, test = pd.read_csv("table.csv"), pd.read_csv("test.csv")',
    "table = table.set_index('row').sort_index()",
]
_EACH = "for column, gaps in test.groupby('column'):"
_WRITE = 'test[["id", "value"]].to_csv("submission.csv", index=False)'


def _loop(lines: list[str]) -> list[str]:
    return ['test["value"] = 0.0', _EACH, *(f"    {line}" for line in lines), _WRITE]


def _fill(model: str, numbers: str, kinds: bool) -> list[str]:
    encode = ["codes = table[kinds].apply(lambda column: column.astype('category').cat.codes)"] if kinds else []
    beside = ", codes" if kinds else ""
    return [
        *encode,
        *_loop(
            [
                f"others = pd.concat([{numbers}.drop(columns=column){beside}], axis=1)",
                "known = table[column].notna()",
                f"model = {model}",
                "model.fit(others[known], table.loc[known, column])",
                "test.loc[gaps.index, 'value'] = model.predict(others.loc[gaps['row']])",
            ]
        ),
    ]


LINEAR = "make_pipeline(SimpleImputer(strategy='median'), StandardScaler(), Ridge(alpha=1.0))"
NEIGHBOURS = "make_pipeline(SimpleImputer(strategy='median'), StandardScaler(), KNeighborsRegressor(n_neighbors=8))"
BOOSTED = "HistGradientBoostingRegressor(max_iter=120, learning_rate=0.07, max_leaf_nodes=12, random_state=0)"
FOREST = (
    "make_pipeline(SimpleImputer(strategy='median'),"
    " RandomForestRegressor(n_estimators=80, min_samples_leaf=3, random_state=0))"
)
NEAREST_COLUMN = _loop(
    [
        "other = table[numbers].corr()[column].drop(column).abs().idxmax()",
        "known = table[[column, other]].dropna()",
        "slope, middle = np.polyfit(known[other], known[column], 1)",
        "beside = table.loc[gaps['row'], other].fillna(table[other].median())",
        "test.loc[gaps.index, 'value'] = (slope * beside + middle).to_numpy()",
    ]
)
BY_KIND = _loop(
    [
        "means = table.groupby(kinds[0])[column].mean()",
        "guess = table.loc[gaps['row'], kinds[0]].map(means).fillna(table[column].mean())",
        "test.loc[gaps.index, 'value'] = guess.to_numpy()",
    ]
)


def _scripts(numbers: tuple[str, ...], kinds: tuple[str, ...]) -> tuple[list[Script], list[Script]]:
    def script(said: str, lines: list[str], role: str, with_kinds: bool = False) -> Script:
        head = [*_READ, *listed("numbers", numbers), *(listed("kinds", kinds) if with_kinds else [])]
        return Script(said, assembled(f"{role}: {said}.", "\n".join([*head, *lines])))

    baselines = [
        script("draws a line through the one column that goes with the gap's best", NEAREST_COLUMN, "Baseline"),
        script("takes the eight nearest rows", _fill(NEIGHBOURS, "table[numbers]", False), "Baseline"),
        script("fits a ridge regression on the other numbers", _fill(LINEAR, "table[numbers]", False), "Baseline"),
    ]
    if kinds:
        baselines.insert(1, script(f"takes the mean for each `{kinds[0]}`", BY_KIND, "Baseline", True))
    some = bool(kinds)
    references = [
        script("boosts trees on the rest of the row", _fill(BOOSTED, "table[numbers]", some), "Reference", some),
        script("grows a forest on the rest of the row", _fill(FOREST, "table[numbers]", some), "Reference", some),
        script("fits a ridge regression on the rest of the row", _fill(LINEAR, "table[numbers]", False), "Reference"),
    ]
    return baselines, references


def _hidden(frame: Frame, numbers: list[str]) -> tuple[str, ...]:
    """Columns that others tell something of, and none gives away."""
    values = {}
    for name in numbers:
        column = frame.columns[name].values
        assert column is not None
        known = column[~np.isnan(column)]
        years = bool((known == np.round(known)).all() and known.min() >= 1500 and known.max() <= 2100)
        if len(np.unique(known)) >= FEWEST_VALUES and not years:
            values[name] = np.where(np.isnan(column), np.nanmedian(column), column)
    found = []
    for name, column in values.items():
        others = [abs(float(np.corrcoef(column, other)[0, 1])) for key, other in values.items() if key != name]
        if others and 0.3 < max(others) < 0.985:
            found.append(name)
    return tuple(found[:MOST_HIDDEN])


def title(hidden: tuple[str, ...], row: str) -> str:
    """What is missing, and of whom."""
    *several, last = hidden if len(hidden) <= 3 else (*hidden[:3], f"{len(hidden) - 3} more")
    return f"Fill the gaps in {', '.join(several)} and {last}: each row is {row}"


def write_gaps(idea: Idea, seed: int) -> Draft:
    """Fill the gaps of a table.

    Raises:
        Unsuitable: too few rows, or columns that do not go together.
    """
    frame = frame_of(formulation_key(idea))
    rng = np.random.Generator(np.random.PCG64(seed))
    target = [frame.target] if frame.columns[frame.target].values is not None else []
    numbers = [*frame.numbers, *target]
    hidden = _hidden(frame, numbers)
    if len(hidden) < 2 or frame.rows < 300:
        raise Unsuitable(f"{frame.formulation.key}: {len(hidden)} columns that go together, {frame.rows} rows")
    shown = {*numbers, *frame.kinds}
    rows = min(LARGEST, frame.rows)
    data = CellData(
        source=frame.source,
        hidden=hidden,
        drop=tuple(name for name in frame.columns if name not in shown),
        rename=frame.rename,
        filters=filters_of(frame),
        max_rows=rows,
        cells=min(MOST_CELLS, rows // 3),
        seed=int(rng.integers(2**31)),
    )
    try:
        public, sealed = prepare_cells(data)
    except (TaskInvalid, DatasetUnavailable) as error:
        raise Unsuitable(str(error)) from error
    order = [name for name in public.tables["table"].columns if name != "row"]
    columns = (
        *frame.described(*order),
        Column(name="row", meaning="position of the row in table.csv, from 0"),
        Column(name="column", meaning="name of the column with the gap (test.csv)"),
    )
    formulation = frame.formulation
    spec = TaskSpec(
        id="draft",
        title=title(hidden, formulation.row),
        family="imputation",
        topic=formulation.topic,
        created=CREATED,
        columns=columns,
        data=data,
        submission=PredictionsSubmission(columns=(SubmissionColumn(name="value"),)),
        metric=Metric(name="rmse", direction="minimize", optimum=0.0),
        well_known=formulation.well_known,
        mlgym_overlap=formulation.mlgym_overlap,
        licence=frame.origin.licence,
        citation=frame.origin.citation,
        provenance=Provenance(author=f"template:gaps@{VERSION}", seed=seed),
    )
    baseline, reference = Trial(spec, Prepared(public, sealed, "")).choose(*_scripts(tuple(numbers), frame.kinds))
    names = ", ".join(f"`{name}`" for name in hidden)
    lines = len(public.tables["table"].lines)
    paragraphs = [
        formulation.about,
        f"`table.csv` holds {lines:,} rows, each {formulation.row}. In {data.cells:,} places, never two in one row, a"
        f" number was taken out, of the columns {names}. Some other cells were empty from the start; nobody asks for"
        " those.",
        "`test.csv` lists the gaps, one a line: `id`, `row` (the position in `table.csv`, counted from 0) and `column`."
        " The rest of the row tells a good deal about what is missing.",
        f"Write `submission.csv` with the columns `id` and `value`, in the column's own unit."
        f" {metric_sentence(spec.metric, ', taken after each column is scaled to standard deviation 1')}"
        f" `baseline.py` {baseline.said}.",
    ]
    return finished(spec, paragraphs, baseline, reference)


def _ideas() -> Iterable[Idea]:
    seen = set()
    for one in formulations().values():
        if one.source not in seen:
            seen.add(one.source)
            yield Idea("gaps", "imputation", one.topic, f"{one.key} gaps", one.source)


TEMPLATES = (Template("gaps", VERSION, _ideas, write_gaps),)
