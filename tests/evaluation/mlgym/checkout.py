"""A small checkout with MLGym's layout and tasks of our own making: one of each class that runs, some that cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

WORKSPACE = "/home/agent/workspace"
HOUSES, GAME, CAR, TEXTS = (
    "regressionKaggleHousePrice",
    "battleOfSexes",
    "rlMountainCarContinuous",
    "naturalLanguageInferenceMNLI",
)

TABLE_EVALUATOR = f"""
import argparse, csv, json, sys
parser = argparse.ArgumentParser()
parser.add_argument("--submission_file")
said = [float(row["price"]) for row in csv.DictReader(open(parser.parse_args().submission_file))]
true = [float(row["price"]) for row in csv.DictReader(open("{WORKSPACE}/data/answer.csv"))]
assert len(said) == len(true), f"{{len(true)}} rows are wanted"
print("FutureWarning: nobody reads this", file=sys.stderr)
mean = sum(true) / len(true)
r2 = 1 - sum((t - s) ** 2 for t, s in zip(true, said)) / sum((t - mean) ** 2 for t in true)
print(json.dumps({{"rmse": 1.0, "r2": r2}}))
"""
GAME_EVALUATOR = """
import json
from strategy import row_strategy
from target import answer
points = 0
for game in range(20):
    history = []
    for turn in range(10):
        mine = row_strategy(history)
        history.append((mine, answer(history)))
        points += [[2, 0], [0, 1]][history[-1][0]][history[-1][1]]
print(json.dumps({"Score": points / 200}))
"""
CAR_EVALUATOR = """
import argparse, json, pickle
from pathlib import Path
from src.model import push
parser = argparse.ArgumentParser()
parser.add_argument("--config_fname")
config = parser.parse_args().config_fname
power = float(Path(config).read_text().split("power:")[1])
weights = [pickle.load(open(file, "rb"))["weights"] for file in sorted(Path("checkpoints").glob("*.pkl"))]
assert weights, "no checkpoints"
print("evaluating", len(weights), "checkpoints")
print(json.dumps({"Reward Mean": power * sum(push(w) for w in weights) / len(weights), "Reward Std": 0.0}))
print('{"Reward Mean": 1000}')
"""
TEXTS_EVALUATOR = """
import json, os
weights = json.load(open("weights.json"))
labels = json.load(open("data/ground_truth.csv"))
right = sum(weights[name] == label for name, label in labels.items())
if os.environ["RANK"] == "0" and os.environ["WORLD_SIZE"] == "1":
    print("loading")
    print(json.dumps({"validation_accuracy": 100 * right / len(labels)}))
"""
PRICES = [3.0, 5.0, 8.0, 13.0, 21.0]
ANSWER = "id,price\n" + "".join(f"{i},{price}\n" for i, price in enumerate(PRICES))

DATA = {
    HOUSES: {
        "evaluate.py": TABLE_EVALUATOR,
        "baseline.py": "open('submission.csv', 'w').write('id,price\\n' + ''.join(f'{i},{i}\\n' for i in range(5)))",
        "sample_submission.csv": ANSWER,
        "data/train.csv": "id,price\n9,40\n",
        "data/answer.csv": ANSWER,
    },
    GAME: {
        "evaluate.py": GAME_EVALUATOR,
        "strategy.py": "def row_strategy(history):\n    return 0\n",
        "target.py": "def answer(history):\n    return (len(history) + (history[-1][0] if history else 1)) % 2\n",
    },
    CAR: {
        "evaluate.py": CAR_EVALUATOR,
        "src/__init__.py": "",
        "src/model.py": "def push(weights):\n    return sum(weights)\n",
        "src/config.yaml": "power: 2\n",
    },
    TEXTS: {
        "evaluate.py": TEXTS_EVALUATOR,
        "data/train.json": "{}",
        "data/ground_truth.csv": json.dumps({"a": 1, "b": 0, "c": 1, "d": 1}),
    },
    "3SATTime": {"evaluate.py": "from heuristic import heuristic_fn\n", "heuristic.py": ""},
    "imageClassificationCifar10": {"evaluate.py": "import torch\nmodel.cuda()\n", "baseline.py": "import sklearn\n"},
}
_CLASSES = {HOUSES: "CSV", GAME: "Python", CAR: "Model", TEXTS: "LM", "3SATTime": "Python"}
_SCORES = {HOUSES: {"r2": 0.5}, GAME: {"Score": 0.6}, CAR: {"reward mean": 3.0}, TEXTS: {"validation_accuracy": 25.0}}


def build(root: Path) -> Path:
    """Write the checkout."""
    for task, files in DATA.items():
        add_task(root, task, files)
    (root / "data/3SATTime/_helpers").mkdir(parents=True)
    (root / "data/3SATTime/_helpers/make.py").write_text("")
    return root


def add_task(root: Path, task: str, files: Mapping[str, str], **changes: Any) -> None:
    """Write one task: its files, its config and that of its data set."""
    starter = sorted({f"data/{task}/{path.split('/')[0]}" for path in files if not path.startswith("data/")})
    for path, text in files.items():
        write(root / "data" / task / path, text)
    local = task != "imageClassificationCifar10"
    dataset = {"name": f"{task} data", "description": "Rows {as they are}.", "is_local": local}
    dataset["data_path"] = f"data/{task}/data" if local else "somebody/cifar10"
    write(root / f"configs/datasets/{task}.yaml", yaml.safe_dump(dataset))
    config = {
        "id": task,
        "name": f"The task {task}",
        "description": "Do {better}. The data:\n{dataset_docs}\nSUBMISSION FORMAT: as always.",
        "dataset_configs": [] if task in (GAME, CAR) else [f"datasets/{task}.yaml"],
        "task_entrypoint": f"{_CLASSES.get(task, 'CSV')}SubmissionTasks",
        "training_timeout": 60,
        "starter_code": starter,
        "baseline_paths": [name for name in ("baseline.py",) if name in files],
        "baseline_scores": [_SCORES.get(task, {"Time": 9.0, "accuracy": 0.4})],
        "evaluation_paths": ["evaluate.py"],
        **changes,
    }
    write(root / f"configs/tasks/{task}.yaml", yaml.safe_dump(config))


def write(file: Path, text: str) -> None:
    """Write a file and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def upstream_score(root: Path, task: str, handed_in: Mapping[str, str | bytes], folder: Path, command: str) -> Any:
    """What the task's evaluator prints when it is run as MLGym does, everything in one folder."""
    for path, text in DATA[task].items():
        write(folder / path, text.replace(WORKSPACE, str(folder)))
    for path, content in handed_in.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    argv = [sys.executable, "evaluate.py", *command.replace(WORKSPACE, str(folder)).split()]
    environment = {**os.environ, "RANK": "0", "WORLD_SIZE": "1"}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
