"""Gates on scores: 3 the baseline, 4 the evaluator, 5 the baseline learns something, 6 there is headroom."""

from __future__ import annotations

from mlgym_synth.errors import TaskInvalid
from mlgym_synth.gates.evidence import HALVES, Evidence, GateFailed, require
from mlgym_synth.grading import probes, programs
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.grading.metrics import METRICS
from mlgym_synth.grading.reward import reward


def baseline(evidence: Evidence) -> str:
    """Gate 3: played through the env on three seeds it earns about 0.5 and scores what is recorded.

    About: as far from 0.5 as two spreads of the score are worth, and 0.01. Scores may differ from the recorded ones by
    two spreads, since the seeds draw other row orders and another machine may round otherwise.
    """
    recorded, reference = evidence.measured("baseline"), evidence.measured("reference")
    room = abs(reference.test.score - recorded.test.score)
    require(room > 0, "baseline and reference are recorded with the same test score.")
    try:
        plays = evidence.plays
    except TaskInvalid as fault:
        raise GateFailed(str(fault)) from fault
    allowed = reward(2 * recorded.test.spread / room) - 0.5 + 0.01
    for play in plays:
        where = f"seed {play.seed}: "
        require(play.info["exit_status"] == "submitted", f"{where}the baseline was not graded: {play.said[-900:]}")
        require(
            abs(play.total_reward - 0.5) <= allowed,
            f"{where}the baseline returns {play.total_reward:.3f}, not 0.5 within {allowed:.3f}.",
        )
        for half, key in (("validation", "best_score"), ("test", "score")):
            known, found = getattr(recorded, half), play.info[key]
            require(
                abs(found - known.score) <= 2 * known.spread + 1e-9,
                f"{where}{half} score {found:.6g}, recorded is {known.score:.6g} with spread {known.spread:.2g}.",
            )
    return ", ".join(f"{play.total_reward:.3f}" for play in plays)


def evaluator(evidence: Evidence) -> str:
    """Gate 4: perfect labels reach the optimum, shuffled ones are no better than the baseline; the direction agrees."""
    if evidence.is_program:
        return _referee(evidence)
    judge, spec, sealed = evidence.baseline.judge, evidence.spec, evidence.prepared.sealed
    assert isinstance(judge, PredictionJudge)
    optimum = _optimum(evidence)
    perfect = judge.grade(probes.perfect_submission(spec, sealed, judge.ids))
    for half in HALVES:
        score = getattr(perfect, half)
        require(abs(score - optimum) <= 1e-9, f"perfect labels score {score} on the {half} half, not {optimum}.")
    shuffled = [judge.grade(probes.shuffled_submission(spec, sealed, judge.ids, seed)).test for seed in range(5)]
    best = max(shuffled, key=lambda score: evidence.sign * score)
    require(evidence.no_better_than_baseline(best), f"shuffled labels score {best:.6g}, better than the baseline.")
    require(evidence.sign * (perfect.test - best) > 0, f"direction {spec.metric.direction} is the wrong way round.")
    return f"perfect {perfect.test:.4g}, shuffled {best:.4g}"


def _referee(evidence: Evidence) -> str:
    referee = programs.referee_of(evidence.spec)
    random = evidence.instance_scores(referee.random.encode())
    known = evidence.instance_scores(evidence.baseline.content)
    gain = float(evidence.sign * (random.mean() - known.mean()))
    require(gain <= 0, f"a random legal program scores {random.mean():.4g}, better than the baseline.")
    for name, content in (("baseline", evidence.baseline.content), ("reference", evidence.reference.content)):
        best = float((evidence.sign * evidence.instance_scores(content)).max())
        require(best <= evidence.sign * referee.bound + 1e-9, f"the {name} passes the bound {referee.bound}.")
    return f"random {random.mean():.4g}"


def learns(evidence: Evidence) -> str:
    """Gate 5: the baseline beats the best submission that looks at no input, with a 95% paired interval above zero."""
    if evidence.is_program:
        trivial = programs.referee_of(evidence.spec).trivial.encode()
        rivals = {"the trivial program": trivial}
    else:
        judge = evidence.baseline.judge
        assert isinstance(judge, PredictionJudge)
        prepared = evidence.prepared
        constants = probes.constant_submissions(evidence.spec, prepared.public, prepared.sealed, judge.ids)
        best = max(constants, key=lambda name: evidence.sign * judge.grade(constants[name]).test)
        rivals = {best: constants[best]}
    said = []
    for name, content in rivals.items():
        low, high = evidence.better_by(evidence.baseline.content, content, 0.95)
        require(low > 0, f"the baseline is not surely better than {name}: 95% interval {low:.4g} to {high:.4g}.")
        said.append(f"{name}: +{low:.4g} to +{high:.4g}")
    return ", ".join(said)


def headroom(evidence: Evidence) -> str:
    """Gate 6: the reference beats the baseline, 99% interval above zero and by more than one spread; not optimal."""
    low, high = evidence.better_by(evidence.reference.content, evidence.baseline.content, 0.99)
    require(low > 0, f"the reference is not surely better than the baseline: 99% interval {low:.4g} to {high:.4g}.")
    recorded, reference = evidence.measured("baseline"), evidence.measured("reference")
    found = evidence.grade(evidence.reference.content)
    for half in HALVES:
        known, best = getattr(recorded, half), getattr(reference, half)
        gain = evidence.sign * (best.score - known.score)
        require(
            gain > known.spread, f"{half}: the reference gains {gain:.4g}, no more than the spread {known.spread:.4g}."
        )
        drift = abs(getattr(found, half) - best.score)
        require(
            drift <= 2 * max(best.spread, known.spread) + 1e-9,
            f"{half}: the reference scores {getattr(found, half):.6g} here, recorded is {best.score:.6g}.",
        )
    optimum = _optimum(evidence)
    if abs(found.test - optimum) < 1e-9:
        raise GateFailed(f"the reference is at the optimum {optimum}: nothing is left to find.")
    return f"+{low:.4g} to +{high:.4g}"


def _optimum(evidence: Evidence) -> float:
    """The best score there is: the task's, else the metric's own or the referee's bound."""
    metric = evidence.spec.metric
    if metric.optimum is not None:
        return metric.optimum
    return programs.referee_of(evidence.spec).bound if evidence.is_program else METRICS[metric.name].optimum
