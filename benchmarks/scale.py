"""What the nightly costs with 1, 3 and 10 million posts: seconds, posts a second, memory and disk, stage by stage, from
files of JSON lines to the publication; then nights of 100,000 posts on top of each archive.

    python benchmarks/scale.py [millions,…] [folder]      (default 1,3,10; a folder for temporary files)

Each stage is the nightly's own and runs in a process of its own, so that its peak memory is its own too. The posts are
made by `scale_posts.py`; only lexicons score. Killed, the same command goes on behind the last stage that ended; an
archive is deleted once its figures are known. The largest needs about 12 GB of disk, 2 of them for the made-up files.
Ends with Markdown tables. A stage's memory is the larger of its own peak, as the system counts it, and of the sum over
it and its children, looked at five times a second; its scratch is everything beneath the folder but the made-up posts.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

DAYS, NIGHT_POSTS, NIGHTS = 90, 100_000, 3
FIRST = dt.date(2024, 1, 1)
STAGES = ("ingest", "score", "signals", "words", "events", "contagion", "forecast", "alerts", "publish")
# Made before anything is timed, so that what is compiled once is compiled.
WARM_UP = 0.02
CONFIG = """
[paths]
warehouse = "{folder}/state/w.duckdb"
published = "{folder}/published"
exports = "{folder}/exports"
lexicons = "{folder}/lexicons"

[score]
scorers = ["lexicon"]

[events]
path = "{folder}/events.csv"

[forecast]
models = ["flat_line", "window_mean", "seasonal_naive", "auto_theta", "dynamics", "global_linear"]
max_series = 100

[[sources]]
name = "made"
path = "{folder}/posts/*.jsonl.zst"
format = "jsonl"

[sources.columns]
text = "text"
created_at = "created_at"
post_id = "id"
author = "author"
parent_id = "reply_to_id"
reply_to_author = "reply_to_author"
place = "region"
lang = "lang"
"""
EVENTS = "name,start,location,stage\nmade-up storm,2024-02-20,US-CA,response\nmade-up vote,2024-03-12,all,\n"
Row = dict[str, Any]


# ------------------------------------------------------------------------------- in a process of its own


def run_stage(folder: Path, *, stage: str, issue: dt.date) -> Row:
    """One of the nightly's stages, with what it took; imports and the opening of the configuration are not timed."""
    from flows import nightly
    from flows.stages import Run
    from warehouse.config import load_config

    run = Run(config=load_config(folder / "config.toml"), issue=issue)
    began, cpu = time.perf_counter(), _cpu_seconds()
    fingerprinted = len(run.files) and time.perf_counter() - began
    receipt = nightly.STAGES[stage](run)
    return {
        "seconds": time.perf_counter() - began, "cpu": _cpu_seconds() - cpu, "fingerprint": fingerprinted,
        "rows_in": receipt.rows_in, "rows_out": receipt.rows_out, "reasons": receipt.reasons,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def make_posts(folder: Path, *, posts: int, days: int, first_day: int, people: int) -> Row:
    from scale_posts import write_days

    return vars(write_days(folder / "posts", posts=posts, days=days, first_day=first_day, people=people))


def look(folder: Path) -> Row:
    """Rows of the warehouse's large tables."""
    from warehouse.config import WarehouseConfig
    from warehouse.store import open_store
    from warehouse.tables import TABLES

    names = ("raw.posts", "raw.quarantine", "core.interactions", "core.marks", "core.fingerprints",
             "core.term_counts", "core.signals", "out.signals")  # fmt: skip
    with open_store(folder / "state" / "w.duckdb", config=WarehouseConfig()) as store:
        return {name: store.count(TABLES[name]) for name in names}


# --------------------------------------------------------------------------------- watched from outside


class _Watch:
    """The largest sum of memory over a process and its children, and of bytes beneath a folder, while it runs."""

    def __init__(self, process: subprocess.Popen[str], *, folder: Path) -> None:
        self.peak_mb = self.scratch = 0.0
        self._process, self._folder = process, folder
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while self._process.poll() is None:
            self.peak_mb = max(self.peak_mb, _tree_mb(self._process.pid))
            self.scratch = max(self.scratch, scratch_bytes(self._folder))
            time.sleep(0.2)

    def end(self) -> None:
        self._thread.join()


def _tree_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20 + sum(_tree_mb(int(child)) for child in children)


def scratch_bytes(folder: Path) -> int:
    """Bytes on disk of all that a run wrote beneath the folder: warehouse, log, spilled data, publication."""
    total = 0
    for place, names, files in os.walk(folder):
        if Path(place) == folder and "posts" in names:
            names.remove("posts")
        for name in files:
            try:
                total += (Path(place) / name).stat().st_blocks * 512
            except OSError:
                continue
    return total


def in_own_process(folder: Path, *arguments: str) -> Row:
    """What this very file prints when it is called with these arguments, with memory and scratch as seen outside."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    command = [sys.executable, __file__, *arguments]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        watch = _Watch(process, folder=folder)
        assert process.stdout is not None
        told = process.stdout.read()
        code = process.wait()
        watch.end()
    if code:
        raise SystemExit(
            f"{' '.join(arguments)} failed with {code}; run the same command again to go on there"
        )
    row: Row = json.loads(told.splitlines()[-1])
    row["peak_mb"] = max(row.get("peak_mb", 0.0), watch.peak_mb)
    return row | {"scratch": max(watch.scratch, scratch_bytes(folder))}


# ------------------------------------------------------------------------------------- one archive after another


class Book:
    """What is known so far, in a file, so that a killed run goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Row] = json.loads(path.read_text()) if path.exists() else {}

    def once(self, key: str, make: Any) -> Row:
        if key not in self.rows:
            self.rows[key] = make()
            self.path.write_text(json.dumps(self.rows, indent=1))
            say(f"{key}: {json.dumps(self.rows[key])}")
        return self.rows[key]


def measure(folder: Path, *, millions: float, book: Book, nights: int = NIGHTS) -> None:
    """One archive from its files to the publication, then some nights on top of it."""
    name, posts = f"{millions:g}", int(millions * 1e6)
    if f"{name} done" in book.rows:
        return
    place = folder / name
    (place / "state").mkdir(parents=True, exist_ok=True)
    (place / "config.toml").write_text(CONFIG.format(folder=place))
    (place / "events.csv").write_text(EVENTS)
    people = str(max(posts // 10, 1))
    issue = FIRST + dt.timedelta(days=DAYS)
    book.once(
        f"{name} make", lambda: in_own_process(place, "make", str(place), str(posts), str(DAYS), "0", people)
    )
    for stage in STAGES:
        _stage(place, key=f"{name} {stage}", stage=stage, issue=issue, book=book)
    book.once(f"{name} tables", lambda: in_own_process(place, "look", str(place)))
    for night in range(nights):
        label, day = f"{name} night {night + 1}", str(DAYS + night)
        book.once(
            f"{label} make",
            lambda day=day: in_own_process(place, "make", str(place), str(NIGHT_POSTS), "1", day, people),
        )
        for stage in STAGES:
            later = issue + dt.timedelta(days=1 + night)
            _stage(place, key=f"{label} {stage}", stage=stage, issue=later, book=book)
    book.once(f"{name} done", lambda: {"scratch": scratch_bytes(place)})
    shutil.rmtree(place)


def _stage(place: Path, *, key: str, stage: str, issue: dt.date, book: Book) -> None:
    book.once(key, lambda: in_own_process(place, "stage", str(place), stage, str(issue)))


# ------------------------------------------------------------------------------------------------ tables


def tables(book: Book, *, sizes: list[float]) -> list[str]:
    lines = []
    for size in sizes:
        lines += _archive_table(book.rows, size=size)
    return [*lines, *_night_table(book.rows, sizes=sizes), *_disk_table(book.rows, sizes=sizes)]


def _archive_table(rows: dict[str, Row], *, size: float) -> list[str]:
    name = f"{size:g}"
    posts = rows[f"{name} ingest"]["rows_in"]
    lines = [
        "", f"### {name} million posts: the first night", "",
        "| stage | seconds | CPU seconds | posts a second | posts per CPU second | peak MB | scratch GB |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for stage in STAGES:
        row = rows[f"{name} {stage}"]
        lines.append(
            f"| {stage} | {row['seconds']:.1f} | {row['cpu']:.1f} | {posts / row['seconds']:,.0f} "
            f"| {posts / max(row['cpu'], 0.01):,.0f} | {row['peak_mb']:,.0f} | {row['scratch'] / 1e9:.2f} |"
        )
    return lines


def _night_table(rows: dict[str, Row], *, sizes: list[float]) -> list[str]:
    lines = [
        "", f"### Nights of {NIGHT_POSTS:,} posts on top of each archive", "",
        "| archive, million | night | " + " | ".join(f"{stage} s" for stage in STAGES) + " | all s | CPU s | peak MB |",
        "|---" * (len(STAGES) + 5) + "|",
    ]  # fmt: skip
    for size in sizes:
        for night in range(1, NIGHTS + 1):
            found = [rows[f"{size:g} night {night} {stage}"] for stage in STAGES]
            seconds = " | ".join(f"{row['seconds']:.1f}" for row in found)
            lines.append(
                f"| {size:g} | {night} | {seconds} | {sum(row['seconds'] for row in found):.0f} "
                f"| {sum(row['cpu'] for row in found):.0f} | {max(row['peak_mb'] for row in found):,.0f} |"
            )
    return lines


def _disk_table(rows: dict[str, Row], *, sizes: list[float]) -> list[str]:
    lines = [
        "", "### Disk", "",
        "| million posts | files, GB | as plain lines, GB | largest scratch of the first night, GB | bytes a post "
        "| after three nights, GB |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for size in sizes:
        name = f"{size:g}"
        made, posts = rows[f"{name} make"], rows[f"{name} tables"]["raw.posts"]
        most = max(rows[f"{name} {stage}"]["scratch"] for stage in STAGES)
        kept = rows[f"{name} tables"]["scratch"]
        lines.append(
            f"| {name} | {made['bytes'] / 1e9:.2f} | {made['plain_bytes'] / 1e9:.2f} | {most / 1e9:.2f} "
            f"| {kept / posts:.0f} | {rows[f'{name} done']['scratch'] / 1e9:.2f} |"
        )
    return lines


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    match sys.argv[1:]:
        case ["stage", place, stage, issue]:
            say(json.dumps(run_stage(Path(place), stage=stage, issue=dt.date.fromisoformat(issue))))
        case ["make", place, posts, days, first_day, people]:
            numbers = {
                "posts": int(posts),
                "days": int(days),
                "first_day": int(first_day),
                "people": int(people),
            }
            say(json.dumps(make_posts(Path(place), **numbers)))
        case ["look", place]:
            say(json.dumps(look(Path(place))))
        case arguments:
            sizes = [float(part) for part in (arguments[0] if arguments else "1,3,10").split(",")]
            default = Path(tempfile.gettempdir()) / "affectcast-scale"
            measure_all(Path(arguments[1]) if len(arguments) > 1 else default, sizes=sizes)


def measure_all(folder: Path, *, sizes: list[float]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    measure(folder, millions=WARM_UP, book=Book(folder / "warm-up.json"), nights=0)
    book = Book(folder / "figures.json")
    for size in sizes:
        measure(folder, millions=size, book=book)
    say("\n".join(tables(book, sizes=sizes)))


if __name__ == "__main__":
    main()
