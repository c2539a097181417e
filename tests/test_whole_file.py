"""`write_whole`: the text, or what was there before."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mlgym_synth.whole_file import write_whole


def test_writes_text_and_makes_folders(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.json"
    write_whole(file, "ä\n")
    write_whole(file, "ö\n")
    assert file.read_bytes() == "ö\n".encode()
    assert list(file.parent.iterdir()) == [file]


def test_others_may_read_it_as_any_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "new", "")
    (tmp_path / "usual").write_text("")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("ending", ["resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))", "os.fsync = killed"])
def test_what_ends_the_writing_leaves_the_old_text(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    program = f"""\
        import os, resource, signal, sys
        from pathlib import Path
        from mlgym_synth.whole_file import write_whole

        def killed(descriptor):
            os.kill(os.getpid(), signal.SIGKILL)

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        {ending}
        write_whole(Path(sys.argv[1]), "new" * 10_000)
        """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program), file], capture_output=True, text=True)
    assert ended.returncode == (-9 if "killed" in ending else 1)
    assert ("File too large" in ended.stderr) == ("killed" not in ending)
    assert file.read_text() == "old"
    if "killed" not in ending:
        assert list(tmp_path.iterdir()) == [file]
