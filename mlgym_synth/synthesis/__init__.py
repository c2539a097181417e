"""Synthesis: topics -> proposal -> grounding -> writing -> debugging -> gates -> dedupe -> split -> registration.

`draft.py` is what an author hands over, `templates/` the author without a model, `ledger.py` what a run remembers,
`pipeline.py` strings the stages.
"""
