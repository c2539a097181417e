"""Does the program run, and in time? Calls it on what is shown: `python try_program.py PROGRAM FUNCTION SECONDS`."""

import importlib
import inspect
import json
import sys
import time
from pathlib import Path

module = importlib.import_module(sys.argv[1].removesuffix(".py"))
function = getattr(module, sys.argv[2])
wanted = len(inspect.signature(function).parameters)
shown = json.loads(Path("instances.json").read_text()) if Path("instances.json").exists() else []
for instance in shown[:3]:
    arguments = instance if len(instance) == wanted else [instance]
    if wanted != len(arguments) or isinstance(instance, dict):
        print("instances are not calls; nothing to try")
        break
    begun = time.perf_counter()
    answer = json.dumps(function(*arguments))
    slow = time.perf_counter() - begun > float(sys.argv[3])
    print(f"{'too slow' if slow else 'in time'}: {answer[:120]}")
