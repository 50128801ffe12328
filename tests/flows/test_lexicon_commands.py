"""The lexicon commands and `evaluate` as a person calls them: one functional test each, exit codes, messages."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import polars as pl
import pytest
from night_support import affectcast, small_config, write_toml

from flows.cli import main

WORDS = "term,dimension\nblorp,glad\nzindel*,glad\nquib quab,grim\nsad*,grim\n"


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A small lexicon in a file, in the folder where commands are called."""
    path = tmp_path / "words.csv"
    path.write_text(WORDS, encoding="utf-8")
    return path


def _run(cwd: Path, *arguments: str, code: int = 0) -> str:
    """The command's output; what it says when it fails, where it should fail."""
    ran = affectcast(*arguments, cwd=cwd)
    assert ran.returncode == code, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout if code == 0 else ran.stderr


def _add(cwd: Path, *, name: str = "mine", language: str = "en", extra: tuple[str, ...] = ()) -> str:
    return _run(cwd, "lexicons", "add", "words.csv", "--name", name, "--language", language, *extra)


# ------------------------------------------------------------------------------------- list and show


def test_list_names_every_scorer_with_its_scale_languages_and_measures(tmp_path: Path) -> None:
    lines = _run(tmp_path, "lexicons", "list").splitlines()
    assert "vad (mean; en, es, zh): Valence, arousal and dominance, 0.5 = neutral" in lines
    assert lines[
        lines.index("vad (mean; en, es, zh): Valence, arousal and dominance, 0.5 = neutral") + 1
    ] == ("  valence, arousal, dominance")
    rows = json.loads(_run(tmp_path, "lexicons", "list", "--json"))
    assert [line.split(" (")[0] for line in lines if not line.startswith(" ")] == [
        row["name"] for row in rows
    ]
    row = next(row for row in rows if row["name"] == "argentina")
    assert row["measures"] == ["anxiety", "depression", "stress", "positive", "negative"]
    assert (row["scale"], row["negation"], row["languages"]) == ("sets", False, ["en", "es", "zh"])


def test_show_tells_files_versions_licences_and_sizes(tmp_path: Path) -> None:
    shown = _run(tmp_path, "lexicons", "show", "argentina")
    assert "scale: sets; negation: off" in shown
    assert "affect-zh: version " in shown
    assert shown.count(" terms, Apache-2.0") == 3
    assert "positive = calm, joy, affection, hope, anticipation, surprise" in shown


def test_show_of_an_unknown_lexicon_names_the_nearest(tmp_path: Path) -> None:
    said = _run(tmp_path, "lexicons", "show", "plutchick", code=13)
    assert "The nearest is plutchik." in said


# ------------------------------------------------------------------------------------------ validate


def test_validate_counts_problems_and_shows_them(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(WORDS + "u.s,grim\nblorp,glad\n", encoding="utf-8")
    said = _run(tmp_path, "lexicons", "validate", "w.csv", "--language", "en")
    assert said.startswith(
        "w.csv: csv, 5 terms, 2 dimensions, scale presence\nnote: 1 entry was left out: repeats"
    )
    assert "stem_swallows: 1\n" in said
    assert "  unreachable_phrase: u.s: " in said
    assert "  stem_swallows: sad*: also catches 'saddle'" in said
    _run(tmp_path, "lexicons", "validate", "w.csv", "--out", "problems.csv")
    problems = pl.read_csv(tmp_path / "problems.csv")
    assert problems.columns == ["kind", "term", "dimension", "detail"]
    assert problems["kind"].to_list() == ["stem_swallows", "unreachable_phrase"]


def test_validate_shows_forty_problems_and_says_how_to_see_the_rest(tmp_path: Path) -> None:
    rows = "".join(f"a.{chr(97 + i // 26)}{chr(97 + i % 26)},grim\n" for i in range(60))
    (tmp_path / "w.csv").write_text(f"term,dimension\n{rows}", encoding="utf-8")
    lines = _run(tmp_path, "lexicons", "validate", "w.csv").splitlines()
    assert sum(line.startswith("  unreachable_phrase") for line in lines) == 40
    assert lines[-1] == "  … and 20 more; --out FILE writes them all"


# ----------------------------------------------------------------------------------------------- add


def test_an_added_lexicon_scores_files_and_is_listed_everywhere(tmp_path: Path, words: Path) -> None:
    assert words.is_file()
    said = _add(tmp_path, extra=("--licence", "research only", "--dry-run"))
    assert "would add mine (en, presence): glad, grim" in said
    assert not (tmp_path / "state").exists()
    said = _add(tmp_path, extra=("--licence", "research only"))
    assert "added mine (en, presence): glad, grim" in said
    assert "affectcast score --scorer mine" in said
    assert (tmp_path / "state" / "lexicons" / "catalogue.toml").is_file()
    assert "mine (presence; en)" in _run(tmp_path, "lexicons", "list")
    assert "mine-en: version " in _run(tmp_path, "lexicons", "show", "mine")
    assert "research only" in _run(tmp_path, "lexicons", "show", "mine")
    models = {model["scorer"]: model for model in json.loads(_run(tmp_path, "models", "--json"))}
    assert models["mine"]["measures"] == ["glad", "grim"]
    (tmp_path / "p.csv").write_text("text\nso much blorp\nnot blorp but quib-quab\n", encoding="utf-8")
    _run(tmp_path, "score", "--posts", "p.csv", "--language", "en", "--scorer", "mine", "--out", "o.csv")
    scored = pl.read_csv(tmp_path / "o.csv")
    assert scored.select("mine_glad", "mine_grim", "missing").rows() == [(1.0, 0.0, 0), (0.0, 1.0, 0)]


def test_an_added_lexicon_is_ready_for_the_night(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text(
        "term,dimension\nhappy,glad\nthe,common\na,common\n", encoding="utf-8"
    )
    contagion = {"scorer": "mine", "measures": ["glad"], "permutations": 100}
    config = small_config(tmp_path, score={"scorers": ["mine"]}, contagion=contagion)
    config = config.model_copy(
        update={"paths": config.paths.model_copy(update={"lexicons": tmp_path / "kept"})}
    )
    path = str(write_toml(config, tmp_path / "config.toml"))
    before = _run(tmp_path, "nightly", "--plain", "--config", path, code=10)
    assert "mine" in before
    _add(tmp_path, extra=("--config", path))
    assert len(list((tmp_path / "kept").glob("mine_en*.tsv"))) == 1
    _run(tmp_path, "nightly", "--plain", "--config", path)
    signals = pl.read_parquet(next(config.paths.published.rglob("signals.parquet")))
    assert {"mine_glad_share", "mine_common_share"} <= set(signals["signal"].cast(pl.String))


# ---------------------------------------------------------------------------------------------- grow


def test_grow_ranks_the_words_that_go_with_the_seeds(tmp_path: Path) -> None:
    rows = ["sad quib day", "walk plim day"] * 120 + ["sad tree", "walk tree"] * 60
    posts = pl.DataFrame({"body": rows, "author": [f"p{i}" for i in range(len(rows))]})
    posts.write_csv(tmp_path / "p.csv")
    arguments = ("lexicons", "grow", "--posts", "p.csv", "--seed", "sad, gloom*", "--columns", "text=body")
    _run(tmp_path, *arguments, "--out", "o.csv")
    found = pl.read_csv(tmp_path / "o.csv")
    assert found.columns == ["term", "n_posts", "n_with_seed", "log_odds", "z"]
    assert set(found["term"][:2]) == {"quib", "quib day"}
    assert found.filter(term="quib").select("n_posts", "n_with_seed").row(0) == (120, 120)
    assert "sad" not in found["term"].to_list()
    assert found["z"].is_sorted(descending=True)


# --------------------------------------------------------------------------------------------- shift


def test_shift_says_which_words_moved_a_measure(tmp_path: Path) -> None:
    rows = [("so sad", "2024-01-02")] * 60 + [("a walk", "2024-01-02")] * 40
    rows += (
        [("so sad", "2024-01-09")] * 60 + [("crying", "2024-01-09")] * 70 + [("a walk", "2024-01-09")] * 70
    )
    rows += [("crying", "2024-03-01"), ("crying", "soon")]
    posts = pl.DataFrame(rows, schema=["text", "created_at"], orient="row")
    posts.with_columns(author=pl.int_range(pl.len()).cast(pl.String)).write_csv(tmp_path / "p.csv")
    spans = ("--window", "2024-01-08:2024-01-14", "--reference", "2024-01-01:2024-01-07")
    arguments = ("lexicons", "shift", "--posts", "p.csv", "--measure", "sadness", "--language", "en", *spans)
    ran = affectcast(*arguments, "--out", "o.csv", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "1 rows lie outside both spans" in ran.stderr
    assert "1 rows have no day" in ran.stderr
    assert "sadness changed by +0.0500" in ran.stderr
    moved = dict(pl.read_csv(tmp_path / "o.csv").select("term", "contribution").iter_rows())
    assert moved == pytest.approx({"crying": 0.35, "sad": -0.3})


# ------------------------------------------------------------------------------------------ evaluate


def test_evaluate_compares_a_scorer_with_labels(tmp_path: Path) -> None:
    rows = [("so happy", "joy"), ("so sad", "sadness"), ("happy tree", "sadness"), ("a tree", "other")] * 5
    pl.DataFrame(rows, schema=["body", "labels"], orient="row").write_csv(tmp_path / "l.csv")
    arguments = ("--data", "l.csv", "--language", "en", "--columns", "text=body")
    said = _run(
        tmp_path,
        "evaluate",
        *arguments,
        "--map",
        "joy=joy,sadness=sadness",
        "--otherwise",
        "other",
        "--out",
        "o.csv",
    )
    assert "joy: f1 0.667" in said
    assert "precision 0.500 [" in said
    # F1 of joy, sadness and other: 2/3, 2/3 and 1.
    assert "all: macro_f1 0.778" in said
    out = pl.read_csv(tmp_path / "o.csv")
    assert set(out["dataset"]) == {"l"}
    assert set(out["scorer"]) == {"lexicon"}
    found = {(m, k): v for m, k, v in out.select("measure", "metric", "value").iter_rows()}
    assert found["sadness", "recall"] == 0.5
    assert found["sadness", "precision"] == 1.0
    assert found["joy", "base_rate"] == 0.25
    assert math.isclose(found["joy", "f1"], 2 / 3, abs_tol=1e-3)


def test_evaluate_takes_an_added_lexicon_and_labels_named_like_its_measures(
    tmp_path: Path, words: Path
) -> None:
    assert words.is_file()
    _add(tmp_path)
    rows = [
        {"text": "blorp", "labels": ["glad", "grim"]},
        {"text": "sadly", "labels": ["grim"]},
        {"text": "x", "labels": []},
    ]
    (tmp_path / "l.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    arguments = ("--data", "l.jsonl", "--language", "en", "--scorer", "mine", "--dataset", "drawn")
    _run(tmp_path, "evaluate", *arguments, "--out", "o.parquet")
    out = pl.read_parquet(tmp_path / "o.parquet")
    recall = out.filter(metric="recall").select("dataset", "measure", "value").sort("measure").rows()
    assert recall == [("drawn", "glad", 1.0), ("drawn", "grim", 0.5)]


# ----------------------------------------------------------------------------------------- bad input

SHIFT = (
    "lexicons",
    "shift",
    "--posts",
    "p.csv",
    "--measure",
    "joy",
    "--out",
    "o.csv",
    "--window",
    "2024-01-08:2024-01-09",
)
GROW = ("lexicons", "grow", "--posts", "p.csv", "--out", "o.csv")
EVALUATE = ("evaluate", "--data", "l.csv", "--language", "en", "--out", "o.csv")
ADD = ("lexicons", "add", "words.csv", "--language", "en")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("lexicons", "list", "--config", "none.toml"), 10, "no such configuration file"),
        (("lexicons", "show", "vat"), 13, "The nearest is vad"),
        (("lexicons", "validate", "none.csv"), 11, "none.csv"),
        (("lexicons", "validate", "words.csv", "--format", "liwc"), 11, "The nearest is liwc-dic"),
        (("lexicons", "validate", "words.csv", "--format", "vader"), 11, "words.csv"),
        ((*ADD, "--name", "vad"), 2, "Choose another name"),
        ((*ADD, "--name", "My List"), 2, "small letters, digits and underscores"),
        ((*ADD, "--name", "mine", "--scale", "sets"), 2, "--scale"),
        ((*ADD, "--name", "mine", "--column", "spanish"), 11, "spanish"),
        (("lexicons", "add", "words.csv", "--name", "mine", "--language", "english"), 2, "ISO 639-1"),
        ((*ADD[:2], "graded.csv", *ADD[3:], "--name", "mine", "--scale", "rate"), 11, "--scale mean"),
        ((*GROW, "--seed", " , "), 11, "seed"),
        ((*GROW, "--seed", "glad", "--least", "10"), 2, "--least"),
        ((*GROW[:-2], "--seed", "glad"), 2, "--out FILE is needed"),
        ((*SHIFT, "--reference", "2024-01-01"), 2, "--reference: expected two days as YYYY-MM-DD:YYYY-MM-DD"),
        ((*SHIFT, "--reference", "2024-01-07:2024-01-01"), 2, "Give the earlier day first"),
        ((*SHIFT, "--reference", "2024-01-01:2024-01-08"), 2, "is in both. Choose days apart"),
        ((*SHIFT, "--reference", "2024-01-01:2024-01-32"), 2, "--reference: expected a day"),
        ((*SHIFT, "--reference", "2024-01-01:2024-01-02"), 11, "Choose other days"),
        ((*SHIFT, "--reference", "2024-01-01:2024-01-02", "--posts", "l.csv"), 11, "missing columns: created_at"),
        ((*SHIFT, "--reference", "2024-01-01:2024-01-02", "--scorer", "lexikon"), 13, "The nearest is lexicon"),
        ((*SHIFT, "--reference", "2024-01-01:2024-01-02", "--people", "5"), 2, "--people"),
        ((*EVALUATE, "--map", "joy"), 2, "--map: expected LABEL=MEASURE"),
        ((*EVALUATE, "--map", "good=joyy"), 2, "lexicon has no joyy"),
        ((*EVALUATE, "--map", "glad=joy"), 11, "glad cannot be compared"),
        ((*EVALUATE, "--map", "good=joy", "--otherwise", "bat"), 11, "bat cannot be compared"),
        ((*EVALUATE,), 11, "--map LABEL=MEASURE"),
        ((*EVALUATE, "--map", "good=joy", "--group", "town"), 11, "--group: no column town"),
        ((*EVALUATE, "--map", "good=joy", "--drop-leaks"), 2, "expected --train FILE"),
        ((*EVALUATE, "--map", "good=joy", "--train", "t.csv"), 11, "t.csv: no such file"),
        ((*EVALUATE, "--map", "good=joy", "--train", "l.csv"), 11, "2 of 2 texts are also in the training data"),
        ((*EVALUATE, "--map", "good=joy", "--train", "l.csv", "--drop-leaks"), 11, "so that none is left"),
        ((*EVALUATE, "--map", "good=joy", "--train", "l.csv", "--id-column", "id"), 11, "no column id"),
        ((*EVALUATE, "--scorer", "nope"), 10, "unknown scorer 'nope'. There are:"),
        ((*EVALUATE, "--columns", "labels=tags"), 11, "no column tags"),
        ((*EVALUATE, "--data", "p.csv"), 11, "missing columns: labels"),
        ((*EVALUATE, "--language", "xx", "--map", "good=joy"), 2, "--language: lexicon has no 'xx'"),
    ],
)  # fmt: skip
def test_a_wrong_request_says_what_to_do(
    tmp_path: Path, words: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...], code: int, said: str,
) -> None:  # fmt: skip
    """In this process, because there are many; the tests above call the installed command."""
    (tmp_path / "p.csv").write_text("text,created_at\nhello there,2024-01-08\n", encoding="utf-8")
    (tmp_path / "l.csv").write_text("text,labels\nso happy,good\nso sad,bad\n", encoding="utf-8")
    (tmp_path / "graded.csv").write_text("term,dimension,weight\nblorp,glad,-0.5\n", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    assert words in before
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["affectcast", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == code
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert sorted(tmp_path.iterdir()) == before, "nothing is written"
