"""Templates on tables: eight families of questions about the same real frames.

`frame.py` loads what a formulation names, `scripts.py` and its neighbours hold baselines and references to choose
from, `trial.py` chooses a pair that leaves something to find, `statement.py` writes it up; the families string these.
"""
