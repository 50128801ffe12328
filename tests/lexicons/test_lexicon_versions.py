"""What a scorer says of itself: a version that changes with whatever changes scores, and its card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lexicon_worlds import DIMENSIONS, ROWS, SCALES, SETS, Written, posts, world

from lexicons.catalogue import read_catalogue
from lexicons.load import load_lexicon
from lexicons.score import LexiconScorer
from warehouse.errors import InputError, MissingModelError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world(tmp_path_factory.mktemp("mood")).save().parent


@pytest.fixture(scope="module")
def scorers(folder: Path) -> dict[str, LexiconScorer]:
    return {scale: LexiconScorer(scale, folder=folder) for scale in SCALES}


def _version(folder: Path, name: str = "presence") -> str:
    return LexiconScorer(name, folder=folder).version


def test_the_version_changes_with_whatever_changes_scores(tmp_path, folder):
    base = _version(folder)
    assert _version(world(tmp_path / "same").save().parent) == base
    changed = {
        "file": world(tmp_path / "file").lexicon("mood-en", [*ROWS["en"], ("zest", "up", 1.0)]),
        "weight": world(tmp_path / "weight").lexicon("mood-en", [*ROWS["en"][:-1], ("🔥", "up", 0.25)]),
        "accents": world(tmp_path / "accents").lexicon("mood-zh", ROWS["zh"], accents=True),
        "dimensions": world(tmp_path / "dims").scorer("presence", ["mood-en", "mood-zh"], ["up", "down"]),
        "languages": world(tmp_path / "langs").scorer("presence", ["mood-en"], list(DIMENSIONS)),
    }
    versions = {what: _version(made.save().parent) for what, made in changed.items()}
    versions |= {name: _version(folder, name) for name in ("rate", "mean", "sets", "presence_plain")}
    fewer = world(tmp_path / "sets")
    fewer.scorers["sets"]["sets"] = {**SETS, "low": ["down"]}
    versions["other sets"] = _version(fewer.save().parent, "sets")
    assert len({base, *versions.values()}) == len(versions) + 1


def test_the_version_changes_with_the_cues_only_where_they_are_used(tmp_path, monkeypatch):
    made = Written(tmp_path)
    for language, rows in ROWS.items():
        made.lexicon(f"mood-{language}", rows).cue_file(language, "cue\trole\tfactor\nnot\tnegator\t1\n")
    lexicons = [f"mood-{language}" for language in ROWS]
    made.scorer("cued", lexicons, ["up"]).scorer("plain", lexicons, ["up"], negation=False)

    def versions() -> tuple[str, str]:
        catalogue = read_catalogue(shipped=made.save())
        monkeypatch.setattr("lexicons.score.read_catalogue", lambda folder: catalogue)
        return LexiconScorer("cued").version, LexiconScorer("plain").version

    before = versions()
    made.cue_file("zh", "cue\trole\tfactor\n不\tnegator\t1\n")
    after = versions()
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_the_version_does_not_change_with_titles_order_or_the_language_asked_for(tmp_path, folder):
    made = world(tmp_path)
    made.scorers["presence"] |= {"title": "other words", "lexicons": ["mood-zh", "mood-en"]}
    assert _version(made.save().parent) == _version(folder)
    only = LexiconScorer("presence", folder=folder, language="zh")
    assert only.version == _version(folder)
    assert only.languages == ("zh",)


def test_one_language_alone_scores_as_it_does_among_others(folder, scorers):
    only = LexiconScorer("mean", folder=folder, language="zh")
    frame = posts(("安心", "zh"), ("gloom", "en"))
    assert only.score(frame).row(0) == scorers["mean"].score(frame).row(0)
    assert only.score(frame)["missing"].to_list() == [0, 1]


@pytest.mark.parametrize("scale", SCALES)
def test_the_card_is_plain_json(scorers, scale):
    card = scorers[scale].describe()
    assert json.loads(json.dumps(card)) == card
    assert (card["scorer"], card["scale"], card["languages"]) == (scale, scale, ["en", "zh"])
    assert card["measures"] == list(SETS if scale == "sets" else DIMENSIONS)
    assert card["statistics"] == (["share"] if scale == "presence" else ["mean"])
    thresholds = dict.fromkeys(DIMENSIONS, 0.5) if scale == "presence" else {}
    assert card["thresholds"] == {"en": thresholds, "zh": thresholds}
    assert set(card["lexicons"]) == {"mood-en", "mood-zh"}


def test_the_shipped_card_names_its_files_and_their_versions():
    card = LexiconScorer("vad").describe()
    for name, lexicon in card["lexicons"].items():
        loaded = load_lexicon(name, catalogue=read_catalogue())
        assert lexicon == {"language": loaded.language, "version": loaded.version}
    assert 0 < card["size_mb"] < 5


def test_two_lexicons_of_one_language_are_refused(tmp_path):
    made = world(tmp_path).lexicon("other-en", ROWS["en"])
    made.scorer("twice", ["mood-en", "other-en"], ["up"])
    with pytest.raises(InputError, match=r"cannot score together.*one lexicon per language"):
        LexiconScorer("twice", folder=made.save().parent)


def test_an_unknown_scorer_is_refused_with_the_nearest(folder):
    with pytest.raises(MissingModelError, match="The nearest is presence"):
        LexiconScorer("presense", folder=folder)
