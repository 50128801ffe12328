"""`affectcast train` as a person calls it, and the word lists that guide its masking."""

from __future__ import annotations

import json
import string
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from night_support import affectcast

from flows import train as work
from flows.cli import main
from flows.guides import MOST_WORDS, guide_spans, own_guide, shipped_guide
from flows.train import TrainOptions, train_embedded, vad_grades
from lexicons.load import Lexicon
from lexicons.match import Matcher
from warehouse.errors import UsageError

WORDS = [
    "river", "lamp", "pencil", "gravel", "orchard", "copper", "window", "saddle", "velvet", "harbour", "kettle",
    "meadow", "ribbon", "anchor", "timber",
]  # fmt: skip
FAST = ("--max-steps", "2", "--max-tokens", "32", "--device", "cpu")


def texts(n: int, *, seed: int = 1) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.permutation(WORDS)[:7]) + f" {seed}x{i} {i}y" for i in range(n)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT encoder without a head, in the layout of the hub."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bases") / "tiny-bert"
    folder.mkdir()
    letters = string.ascii_lowercase + string.digits
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(1)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two hundred texts with two labels, as a person would have them in a file."""
    labels = ["calm" if i % 2 else "hurry;calm" if i % 4 else "" for i in range(200)]
    pl.DataFrame({"text": texts(200), "labels": labels}).write_csv(tmp_path / "moods.csv")
    return tmp_path / "moods.csv"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    """Unlabelled posts with emotion words in some of them."""
    rows = [f"{text} so happy" if i % 2 else f"{text} sad" for i, text in enumerate(texts(80, seed=2))]
    pl.DataFrame({"body": rows}).write_csv(tmp_path / "posts.csv")
    return tmp_path / "posts.csv"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object, code: int = 0) -> None:
    """The command in this process; anything but `code` fails."""
    monkeypatch.setattr(sys, "argv", ["affectcast", "train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or 0) == code


def test_train_writes_a_folder_and_says_how_good_it_is(tmp_path: Path, base: Path, data: Path) -> None:
    ran = affectcast("train", "--recipe", "labels", "--data", data.name, "--base", str(base), "--out", "mine", *FAST,
                     cwd=tmp_path)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "macro_f1 " in ran.stdout
    assert "calm: f1 " in ran.stdout
    assert "read mine/CARD.md before you use it" in ran.stderr
    assert {"config.json", "model.safetensors", "affectcast.json", "CARD.md"} <= {
        path.name for path in (tmp_path / "mine").iterdir()
    }
    card = (tmp_path / "mine" / "CARD.md").read_text(encoding="utf-8")
    assert "`moods.csv`" in card
    assert str(tmp_path) not in card + (tmp_path / "mine" / "affectcast.json").read_text(encoding="utf-8")


def test_a_dry_run_checks_everything_and_writes_nothing(
    tmp_path: Path,
    base: Path,
    data: Path,
    posts: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    out = tmp_path / "mine"
    run(monkeypatch, "--recipe", "labels", "--data", data, "--base", base, "--out", out, "--dry-run", "--posts", posts,
        "--posts-column", "body", "--guide", "depression")  # fmt: skip
    said = capsys.readouterr()
    assert "would train into" in said.out
    assert "rows to learn from" in said.err
    assert "adapts on 80 posts of posts.csv first, guided by symptoms-en" in said.err
    assert not out.exists()


def test_leia_adapts_first_with_a_word_list_of_ones_own(
    tmp_path: Path, base: Path, posts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emotions = ("Happiness", "Affection", "Sadness", "Anger", "Fear")
    frame = pl.DataFrame({"post": texts(150), "label": [emotions[i % 5] for i in range(150)]})
    frame.write_csv(tmp_path / "e.csv")
    (tmp_path / "words.csv").write_text("term,dimension\nlamp,glad\nso happy,glad\n", encoding="utf-8")
    run(monkeypatch, "--recipe", "leia", "--data", tmp_path / "e.csv", "--columns", "text=post", "--base", base,
        "--out", tmp_path / "mine", "--posts", posts, "--posts-column", "body", "--lexicon", tmp_path / "words.csv",
        "--adapt-steps", 2, *FAST)  # fmt: skip
    meta = json.loads((tmp_path / "mine" / "affectcast.json").read_text(encoding="utf-8"))
    assert meta["training"]["adapted"]["guide"] == "words.csv"
    assert meta["training"]["adapted"]["guide_share_of_words"] > 0.05
    assert meta["measures"][0] == "emotion_happiness"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--recipe", "loneliness"), 2, "Did you mean fig_loneliness"),
        (("--recipe", "leia"), 2, "name unlabelled posts to adapt on with --posts"),
        (("--recipe", "multiwd", "--exclusive"), 2, "only with --recipe labels"),
        (("--recipe", "multiwd"), 11, "unknown labels"),
        (("--recipe", "redsm5"), 11, "expected one file of posts"),
        (("--recipe", "fig_loneliness"), 11, "missing columns: lonely, duration, context"),
        (("--recipe", "labels", "--columns", "text=body"), 11, "no column body"),
        (("--recipe", "labels", "--base", "./nowhere"), 13, "no such folder"),
        (("--recipe", "labels", "--posts", "none.csv"), 11, "no such file"),
        (("--recipe", "labels", "--language", "english"), 2, "expected an ISO 639-1 code"),
        (("--recipe", "embedded"), 2, "name the folder of community posts with --posts"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
    arguments: tuple[str, ...], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, "--data", data, "--out", tmp_path / "mine", *arguments, code=code)
    said = capsys.readouterr().err
    assert message in said
    assert not any(text in said for text in texts(200))
    assert not (tmp_path / "mine").exists()


def test_a_finished_model_is_refused_without_force_and_resume_has_nothing_to_do(
    tmp_path: Path, base: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    same = ("--recipe", "labels", "--data", data, "--base", base, "--out", tmp_path / "mine", *FAST)
    run(monkeypatch, *same)
    run(monkeypatch, *same, code=2)
    run(monkeypatch, *same, "--resume", code=2)
    assert capsys.readouterr().err.count("already holds a finished model") == 2
    run(monkeypatch, *same, "--force")


def test_the_shipped_models_recipe_is_called_with_folders_and_the_word_lists_grades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from classifiers.recipes import embedded
    from classifiers.train import Recipe

    called: dict[str, object] = {}

    def note(**given: object) -> str:
        called.update(given)
        return "v1"

    monkeypatch.setattr(embedded, "run", note)
    options = TrainOptions(
        recipe="embedded",
        data=tmp_path,
        out=tmp_path / "out",
        adapt=work.AdaptOptions(posts=tmp_path / "posts"),
    )
    assert train_embedded(options) == "v1"
    assert (called["data_dir"], called["posts_dir"], called["out_dir"]) == (
        tmp_path, tmp_path / "posts", tmp_path / "out",
    )  # fmt: skip
    assert called["recipe"] == Recipe()
    assert called["grades"] is vad_grades


def test_grades_are_between_nought_and_one_or_missing() -> None:
    grades = vad_grades(["what a wonderful happy day", "zzkq"])
    assert grades.shape == (2, 3)
    assert np.isfinite(grades[0]).all()
    assert grades[0, 0] > 0.5
    assert np.isnan(grades[1]).all()


# --------------------------------------------------------------------------------------------- guides


def lexicon(*terms: str, language: str = "en") -> Lexicon:
    frame = pl.DataFrame(
        {"term": terms, "dimension": "d", "weight": 1.0}, schema_overrides={"weight": pl.Float32}
    )
    return Lexicon("mine", language, "", ("d",), frame)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I am Sad, so sad!", ["Sad", "sad"]),
        ("saddle up", []),
        ("lonely loneliness", ["lonely", "loneliness"]),
        ("fed up with it, fed. up", ["fed up"]),
        ("I can't sleep, can't sleep", ["can't sleep", "can't sleep"]),
        ("not sad", ["sad"]),
        ("", []),
        ("really fed up and sad", ["really fed up", "sad"]),
    ],
)
def test_terms_are_found_where_they_stand_longest_first(text: str, found: list[str]) -> None:
    guide = guide_spans(lexicon("sad", "lonel*", "fed up", "really fed up", "can't sleep"))
    (spans,) = guide([text])
    assert [text[a:b] for a, b in spans] == found


def test_a_guide_finds_as_many_terms_as_the_matcher() -> None:
    shipped = shipped_guide("emotion", language="en")
    rng = np.random.default_rng(4)
    some = shipped.terms["term"].str.strip_chars("*").to_list()
    made = [" ".join([*rng.choice(some, 3), *rng.choice(WORDS, 3)]) for _ in range(200)]
    guide = guide_spans(shipped)
    matched = Matcher(shipped).match(pl.Series(made)).n_matched
    found = np.array([len(spans) for spans in guide(made)])
    assert MOST_WORDS == 6
    assert (found == matched).mean() > 0.97


def test_chinese_terms_are_found_among_characters() -> None:
    guide = guide_spans(shipped_guide("depression", language="zh"))
    text = "我今天失眠了"
    (spans,) = guide([text])
    assert [text[a:b] for a, b in spans] == ["失眠了"]


def test_a_language_without_a_word_list_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no word list for the language fi; there are en, es, zh"):
        shipped_guide("emotion", language="fi")
    (tmp_path / "w.csv").write_text("term,dimension\nsuru,x\n", encoding="utf-8")
    assert guide_spans(own_guide(tmp_path / "w.csv", language="fi"))(["iso suru"]) == [[(4, 8)]]
