"""The agents' root file system as a Docker image, for daemons that cannot mount this machine's folders.

`mlgym-synth sandbox build --image` calls `build_image`; `image_name` is what a backend on such a daemon starts. Where
the daemon sees this machine's files no image is needed: the runtime's folder is mounted.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox.housekeeping import connect
from mlgym_synth.sandbox.runtime import BUILDER, lock_file, pip_settings

DEFAULT_BASE = "python:3.11-slim-bookworm"
_PACKAGE = Path(__file__).parent.parent
_CONTEXT = (
    "errors.py",
    "cache.py",
    "sandbox/rootfs.py",
    "sandbox/runtime.py",
    "sandbox/profiles",
    "sandbox/Dockerfile",
)
_ARGUMENTS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")


def image_name(name: str = "standard") -> str:
    """The image of runtime profile `name` in this version of the package, built or not.

    Raises:
        SandboxUnavailable: there is no such profile.
    """
    digest = hashlib.sha256(f"{BUILDER}\0{lock_file(name).read_text()}".encode()).hexdigest()
    return f"mlgym-synth-runtime:{name}-{digest[:16]}"


def build_image(progress: Callable[[str], None], base: str | None = None, name: str = "standard") -> str:
    """Build the image with the Docker daemon that answers, some minutes with a cold cache; return its name.

    Args:
        progress: told each step in a line.
        base: the image to start from: any Linux with Python 3.11 or newer, pip, bash and coreutils.
        name: the runtime profile.

    Raises:
        SandboxUnavailable: no daemon, no registry for the base image, or a step that failed; says what to do.
    """
    base = base or DEFAULT_BASE
    client = connect(timeout_s=600)
    if client is None:
        raise SandboxUnavailable("no Docker daemon answers, so no image can be built. `mlgym-synth sandbox doctor`.")
    settings = pip_settings()
    arguments = {key: settings[key] for key in _ARGUMENTS if key in settings}
    last: list[str] = []
    try:
        for event in client.api.build(
            fileobj=_context(), custom_context=True, dockerfile="sandbox/Dockerfile", tag=image_name(name),
            buildargs={"BASE": base, "PROFILE": name} | arguments, rm=True, forcerm=True, decode=True,
        ):  # fmt: skip
            if "error" in event:
                raise _failed(str(event["error"]), base, last)
            line = str(event.get("stream") or "").strip()
            if line and not line.startswith(("--->", "Removing intermediate")):
                last = [*last[-7:], line]
                progress(line)
    finally:
        client.close()
    return image_name(name)


def _context() -> io.BytesIO:
    """What the Dockerfile copies, as a tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for part in _CONTEXT:
            tar.add(_PACKAGE / part, part)
    packed.seek(0)
    return packed


def _failed(error: str, base: str, last: list[str]) -> SandboxUnavailable:
    if not any(line.startswith("Step 3/") for line in last):  # steps 1 and 2 name the base: it could not be pulled
        return SandboxUnavailable(
            f"the base image {base} cannot be had: {error}. No image registry seems to be reachable. Where the daemon "
            "runs on this machine no image is needed: sandboxes mount the runtime's folder. Else name a base that the "
            "daemon has already, with `--base`."
        )
    shown = "\n".join(last)
    return SandboxUnavailable(f"building the image failed: {error}\n{shown}")
