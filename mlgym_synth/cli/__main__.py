"""Runs the command line as `python -m mlgym_synth.cli`."""

import sys

from mlgym_synth.cli import main

sys.exit(main())
