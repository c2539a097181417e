"""`mlgym-synth sandbox build|doctor|clean`: the agents' runtime, what works on this machine, what was left behind."""

from __future__ import annotations

import argparse
import dataclasses

from mlgym_synth.cli.common import Commands, add_command, add_json, console, print_json, report_progress


def add_to(commands: Commands) -> None:
    """Declare the commands."""
    group = add_command(commands, "sandbox", "Build, examine and clean sandboxes", "mlgym-synth sandbox doctor")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    make = add_command(actions, "build", "Build the agents' runtime or image", "mlgym-synth sandbox build")
    make.add_argument(
        "--image", action="store_true", help="a Docker image instead, for a daemon that cannot see this machine's files"
    )
    make.add_argument("--base", help="the image's base, where the default cannot be pulled")
    doctor = add_command(actions, "doctor", "Say what works here and what to do", "mlgym-synth sandbox doctor")
    add_json(doctor)
    clean = add_command(actions, "clean", "Remove what dead runs left behind", "mlgym-synth sandbox clean")
    clean.add_argument("--all", action="store_true", help="also built runtimes and images")
    add_json(clean)
    for command, function in ((make, build), (doctor, examine), (clean, remove)):
        command.set_defaults(run=function)


def build(arguments: argparse.Namespace) -> int:
    """Build the runtime, or with `--image` the image."""
    if arguments.image:
        from mlgym_synth.sandbox.image import build_image

        console.print(f"Image: {build_image(report_progress, arguments.base)}")
    elif arguments.base is not None:
        raise ValueError("--base is of the image: add --image")
    else:
        from mlgym_synth.sandbox.runtime import ensure_runtime

        console.print(f"Runtime: {ensure_runtime(progress=report_progress).path}")
    return 0


def examine(arguments: argparse.Namespace) -> int:
    """Print the findings; exit code 2 where no backend works."""
    from mlgym_synth.sandbox.doctor import examine as look
    from mlgym_synth.sandbox.doctor import usable

    findings = look()
    if arguments.json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = {True: "[green]ok[/green]  ", False: "[red]no[/red]  ", None: "[yellow]part[/yellow]"}[finding.ok]
            console.print(f"{mark} [bold]{finding.subject}[/bold]: ", end="", markup=True)
            console.print(finding.text)
            if finding.remedy:
                console.print(f"     {finding.remedy}", style="dim")
    return 0 if usable(findings) else 2


def remove(arguments: argparse.Namespace) -> int:
    """Remove leftovers and say what went."""
    from mlgym_synth.sandbox.housekeeping import clean

    report = clean(everything=arguments.all)
    if arguments.json:
        print_json(dataclasses.asdict(report))
    else:
        console.print("\n".join(report.lines()))
    return 0
