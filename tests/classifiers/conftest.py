"""Sentences of our own and one loaded scorer for all tests of the classifiers; nothing here comes from a data set."""

import itertools
from pathlib import Path

import polars as pl
import pytest

from classifiers.artefacts import EMBEDDED
from classifiers.score import ClassifierScorer

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "labelled"

_SUBJECTS = ("My neighbour", "The whole town", "Our little dog", "That lazy landlord", "The new nurse")
_EVENTS = (
    "made me laugh until my belly hurt",
    "is so rude that I could scream",
    "left and I have cried all evening",
    "gave me a fright in the dark cellar",
    "smells like rotten fish, how revolting",
    "came to the meeting at noon on Tuesday",
    "means the world to me, I adore them",
    "will surely do better next spring, I believe in it",
)
_TAILS = ("", "!!!", " #RainyMonday", " 😂😂", " @user http")


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """Two hundred different made-up posts of many moods."""
    return [f"{s} {e}{t}" for s, e, t in itertools.product(_SUBJECTS, _EVENTS, _TAILS)]


@pytest.fixture(scope="session")
def scorer() -> ClassifierScorer:
    """The embedded model in its default form, on one thread."""
    return ClassifierScorer("emotion", threads=1, backend="openvino-int8")


@pytest.fixture(scope="session")
def reference() -> ClassifierScorer:
    """The embedded model in full precision."""
    return ClassifierScorer("emotion", threads=1, backend="torch-fp32")


@pytest.fixture
def copied_model(tmp_path: Path) -> Path:
    """A private copy of the embedded model, to be damaged."""
    for path in (EMBEDDED / "english").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture(scope="session")
def labelled_data() -> Path:
    """The folder of labelled public data, or a skip."""
    if not DATA.is_dir():
        pytest.skip(f"no labelled data at {DATA}")
    return DATA


def posts(texts: list[str | None], *, lang: str | None = "en") -> pl.DataFrame:
    """A frame as the scorer wants it."""
    schema = {"text": pl.String, "lang": pl.String}
    return pl.DataFrame({"text": texts, "lang": [lang] * len(texts)}, schema=schema)


@pytest.fixture(scope="session")
def make_posts():
    """The function `posts`."""
    return posts
