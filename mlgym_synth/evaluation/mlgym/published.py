"""What MLGym's configs do not say of its tasks: the metric that counts, its direction, the best published score.

References are the best attempt of any of the 12 agents whose runs MLGym's authors published (Nathani et al. 2025,
arXiv 2502.14499, and the runs they added since). Baseline scores are read from the checkout.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlgym_synth.task import Direction


@dataclass(frozen=True)
class Published:
    """A task of MLGym, beyond its config.

    Attributes:
        metric: key of the evaluator's JSON that counts.
        direction: which way is better.
        reference: the score whose progress is 1.
        program: class `PythonSubmissionTasks`: the module that the agent writes and the evaluator imports.
        well_known: no evidence of anything; reported apart.
        withheld: further files of the data folder that no agent may have; `WITHHELD` goes for all tasks.
    """

    metric: str
    direction: Direction
    reference: float
    program: str = ""
    withheld: tuple[str, ...] = ()
    well_known: bool = False


PUBLISHED = {
    "regressionKaggleHousePrice": Published("r2", "maximize", 0.9310001903705818),
    "3SATTime": Published("Time", "minimize", 11.894, "heuristic", withheld=("dataset.pkl",)),
    "imageClassificationCifar10": Published("accuracy", "maximize", 0.8947),
    "imageClassificationFMnist": Published("accuracy", "maximize", 0.9451),
    "imageCaptioningCOCO": Published("BLEU Score", "maximize", 0.4727938395125177),
    "languageModelingFineWeb": Published("val_loss", "minimize", 3.966447591781616),
    "naturalLanguageInferenceMNLI": Published("validation_accuracy", "maximize", 84.24859908303617),
    "battleOfSexes": Published("Score", "maximize", 1.4452399015426636, "strategy"),
    "prisonersDilemma": Published("Score", "maximize", 2.634000062942505, "strategy"),
    "blotto": Published("Score", "maximize", 0.5755700469017029, "strategy"),
    "rlBreakoutMinAtar": Published("Reward Mean", "maximize", 71.38922119140625),
    "rlMetaMazeMisc": Published("Reward Mean", "maximize", 48.5625),
    "rlMountainCarContinuous": Published("Reward Mean", "maximize", 74.7374496459961),
    # Outside the benchmark, and no agent is published. Its labels are Kaggle's `gender_submission.csv` (women survive,
    # men do not) and not what happened: this rule is perfect, and a better model of what happened scores less.
    "titanicSurvival": Published("accuracy", "maximize", 1.0, well_known=True),
}
"""By task id. A config whose id is not here is listed as unsupported."""

WITHHELD = ("answer.csv", "ground_truth.csv")
"""Names of files that hold labels; the evaluator gets them, the agent does not."""
