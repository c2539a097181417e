"""Scripts that exported tasks carry as their `evaluate.py`; they run under MLGym, without this package."""
