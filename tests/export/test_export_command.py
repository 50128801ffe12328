"""The options of `affectcast export`, through the installed command."""

from __future__ import annotations

import codecs
import subprocess
import sys
from pathlib import Path


def _export(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("affectcast")), "export", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_marks_formats_and_language_are_options_and_the_check_reads_the_result(
    published: Path, tmp_path: Path
) -> None:
    options = ("--bom", "--forecasts", "parquet", "--language", "es", "--as-of", "2024-06-03")
    ran = _export("--published", str(published), "--to", "out", *options, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "briefs: 6 pages" in ran.stdout
    assert [path.suffix for path in (tmp_path / "out" / "model-output").rglob("*.*")] == [".parquet"]
    assert (tmp_path / "out" / "alerts.csv").read_bytes().startswith(codecs.BOM_UTF8)
    assert '<html lang="es">' in (tmp_path / "out" / "briefs" / "us.html").read_text(encoding="utf-8")
    checked = _export("--check", "out", cwd=tmp_path)
    assert (checked.returncode, checked.stdout.strip()) == (0, "every rule holds")


def test_a_folder_that_is_no_export_ends_with_an_error_that_names_its_files(
    exported: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").symlink_to(exported)
    assert _export("--check", "out", cwd=tmp_path).returncode == 0
    (tmp_path / "empty").mkdir()
    checked = _export("--check", "empty", cwd=tmp_path)
    assert checked.returncode != 0
    assert "targets.csv: is missing or cannot be read." in checked.stderr


def test_an_unknown_language_is_refused(published: Path, tmp_path: Path) -> None:
    ran = _export("--published", str(published), "--to", "out", "--language", "xx", cwd=tmp_path)
    assert ran.returncode != 0
    assert "'xx'" in ran.stderr
    assert not (tmp_path / "out").exists()
