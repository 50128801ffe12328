"""Read labelled data sets into one table of texts, targets and masks, with nothing of the validation left in train.

Not part of scoring: only training and evaluation need labelled data.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from classifiers.profiles import profile_text
from classifiers.taxonomy import (
    CAMS,
    COMMUNITIES,
    DEPSIGN,
    DREADDIT,
    EMOEVENT,
    GOEMOTIONS,
    IMHI_DEPRESSION,
    IRF,
    MEASURES,
    MULTIWD,
    SAD,
    SDCNL,
    SEMEVAL,
    SEMEVAL_SIX,
    TONE,
    TWEETEVAL,
    WEIBO_COVID,
    LabelMap,
)
from warehouse.errors import InputError

NEAR_DUPLICATE_JACCARD = 0.8
MIN_WORDS_FOR_NEAR = 4
ASSUMED_WEIGHT = 0.2
GRADED_WEIGHT = 0.3
HELD_OUT = 8
COMMUNITY_FILE = "reddit_mental_health_en.csv.gz"
COMMUNITY_POSTS = 1_200
Profile = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True)
class Source:
    """One labelled data set: its name, its files' names without ending, its map and its weight in the loss.

    Without a `validation` file an eighth of the train file, chosen by a hash of the text, is kept apart. `share` of its
    rows, drawn anew in every epoch, is trained on.
    """

    name: str
    train: str
    validation: str | None
    labels: LabelMap
    weight: float
    exclusive: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Labelled:
    """`n` texts with targets and masks of shape (n, measures); a mask of 0 means unknown, never absent.

    A mask between 0 and 1 is the weight of a cell whose truth is assumed or graded by a word list.
    """

    texts: list[str]
    targets: np.ndarray
    masks: np.ndarray
    sources: np.ndarray

    def take(self, rows: np.ndarray) -> "Labelled":
        """The rows at these positions, in this order."""
        texts = [self.texts[i] for i in rows]
        return Labelled(texts, self.targets[rows], self.masks[rows], self.sources[rows])

    def of(self, source: str) -> "Labelled":
        """The rows of one data set."""
        return self.take(np.flatnonzero(self.sources == source))


EMOTION_SOURCES = (
    Source("goemotions", "goemotions_en_train", "goemotions_en_dev", GOEMOTIONS, 1.0, share=0.15),
    Source(
        "tweeteval", "tweeteval_emotion_en_train", "tweeteval_emotion_en_val", TWEETEVAL, 3.0, exclusive=True
    ),
    Source("semeval2025", "semeval2025_emotion_eng_train", "semeval2025_emotion_eng_dev", SEMEVAL, 2.0),
    Source("emoevent", "emoevent_en_train", "emoevent_en_dev", EMOEVENT, 0.5, share=0.25),
)
MENTAL_SOURCES = (
    Source("dreaddit", "dreaddit_stress_en_train", None, DREADDIT, 3.0),
    Source("imhi_depression", "imhi_depression_en_train", "imhi_depression_en_val", IMHI_DEPRESSION, 4.0),
    Source("depsign", "depsign_severity_en_dev", None, DEPSIGN, 1.0),
    Source("irf", "irf_interpersonal_risk_en_train", "irf_interpersonal_risk_en_val", IRF, 3.0),
    Source("sdcnl", "sdcnl_suicide_vs_depression_en_train", None, SDCNL, 2.0),
    Source("multiwd", "multiwd_wellness_en_train", None, MULTIWD, 1.5),
    Source("cams", "cams_cause_en_train", None, CAMS, 1.0),
    Source("sad", "sad_stress_cause_en_train", "sad_stress_cause_en_val", SAD, 0.7, exclusive=True),
)
COMMUNITY_SOURCE = Source("communities", COMMUNITY_FILE, None, COMMUNITIES, 1.0, share=0.3)
ENGLISH_SOURCES = (*EMOTION_SOURCES, *MENTAL_SOURCES)
SPANISH_SOURCES = (
    Source(
        "semeval2025_es", "semeval2025_emotion_esp_train", "semeval2025_emotion_esp_dev", SEMEVAL_SIX, 1.0
    ),
    Source("emoevent_es", "emoevent_es_train", "emoevent_es_dev", EMOEVENT, 1.0),
)
PORTUGUESE_SOURCES = (
    Source(
        "semeval2025_pt", "semeval2025_emotion_ptbr_train", "semeval2025_emotion_ptbr_dev", SEMEVAL_SIX, 1.0
    ),
)
CHINESE_SOURCES = (
    Source(
        "semeval2025_zh", "semeval2025_emotion_chn_train", "semeval2025_emotion_chn_dev", SEMEVAL_SIX, 1.0
    ),
    Source("weibo_covid", "weibo_covid_emotion_zh_train", None, WEIBO_COVID, 1.0, exclusive=True),
)


def as_published(text: pl.Expr) -> pl.Expr:
    """No profile: for models that clean a post themselves."""
    return text


def load_split(
    data_dir: Path,
    *,
    split: str,
    sources: Sequence[Source] = ENGLISH_SOURCES,
    profile: Profile = profile_text,
) -> Labelled:
    """All sources' `train` or `validation` rows below one another. Raises InputError for a missing file."""
    return stacked([_load_source(data_dir, source, split=split, profile=profile) for source in sources])


def stacked(parts: Sequence[Labelled]) -> Labelled:
    """The rows of all parts below one another."""
    return Labelled(
        texts=[text for part in parts for text in part.texts],
        targets=np.concatenate([part.targets for part in parts]),
        masks=np.concatenate([part.masks for part in parts]),
        sources=np.concatenate([part.sources for part in parts]),
    )


def load_communities(posts_dir: Path, *, split: str, profile: Profile = profile_text) -> Labelled:
    """Posts of English mental-health forums, one a person and at most 1,200 a forum, people kept on one side.

    The forum is the label, and a weak one. Raises InputError for a missing file.
    """
    path = posts_dir / COMMUNITY_FILE
    if not path.exists():
        raise InputError(f"training posts {path} are missing; expected a csv with subreddit, author, body")
    frame = pl.read_csv(path, columns=["subreddit", "author", "body"], infer_schema=False)
    posts = (
        frame.filter(pl.col("subreddit") != "mentalhealth").drop_nulls().unique("body", maintain_order=True)
    )
    drawn = pl.col("author").hash(seed=20_240)
    one_each = posts.sort(drawn, "body").unique("author", keep="first", maintain_order=True)
    some = one_each.group_by("subreddit", maintain_order=True).head(COMMUNITY_POSTS)
    held_out = pl.col("author").hash(seed=20_241) % HELD_OUT == 0
    chosen = some.filter(held_out if split == "validation" else ~held_out).sort("subreddit", "author")
    rows = chosen.select(text="body", labels=pl.concat_list("subreddit"))
    return _labelled(rows, source=COMMUNITY_SOURCE, split=split, profile=profile)


def with_grades(data: Labelled, *, grades: np.ndarray) -> Labelled:
    """Valence, arousal and dominance (rows, 3), in [0, 1] or NaN where no word was graded, as targets."""
    places = [MEASURES.index(name) for name in TONE]
    targets, masks = data.targets.copy(), data.masks.copy()
    targets[:, places] = np.nan_to_num(grades)
    masks[:, places] = np.isfinite(grades) * GRADED_WEIGHT
    return Labelled(data.texts, targets, masks, data.sources)


def apart(train: Labelled, *, validation: Labelled) -> tuple[Labelled, Labelled]:
    """(train, validation) that share no text: what occurs, or nearly occurs, in `validation` leaves `train`, and so
    do its own repeats.

    Data sets without a validation file often share posts with one that has one; their rows that had to leave are
    validated on.
    """
    seen = set(map(leak_key, validation.texts))
    near = near_duplicates(train.texts, of=validation.texts)
    keys = [leak_key(text) for text in train.texts]
    first = {pair: i for i, pair in reversed(list(enumerate(zip(train.sources, keys, strict=True))))}
    once = [first[pair] == i for i, pair in enumerate(zip(train.sources, keys, strict=True))]
    leaks = [near[i] or key in seen for i, key in enumerate(keys)]
    own = {source.name for source in ENGLISH_SOURCES if source.validation is None}
    moved = [i for i, leak in enumerate(leaks) if leak and once[i] and train.sources[i] in own]
    kept = [i for i, leak in enumerate(leaks) if not leak and once[i]]
    more = train.take(np.asarray(moved, dtype=np.int64))
    return train.take(np.asarray(kept, dtype=np.int64)), stacked([validation, more])


def leak_key(text: str) -> str:
    """The text's letters, digits and other symbols without case, blanks or ASCII punctuation."""
    return "".join(c for c in text.lower() if c.isalnum() or (ord(c) > 127 and not c.isspace()))


def near_duplicates(texts: Sequence[str], *, of: Sequence[str], chunk: int = 2_000) -> np.ndarray:
    """Per text, whether its word set has Jaccard similarity of 0.8 or more with that of a text in `of`; Chinese, which
    has no blanks between words, is compared by pairs of characters.

    Texts under four distinct words are never near duplicates; equality is tested elsewhere.
    """
    left, right = _word_sets(texts, of)
    columns = right.T.tocsr()
    sizes = _row_sums(left), _row_sums(right)
    starts = range(0, len(texts), chunk)
    parts = [_near(left[i : i + chunk], columns, sizes[0][i : i + chunk], sizes[1]) for i in starts]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)


def _near(left: Any, right: Any, n_left: np.ndarray, n_right: np.ndarray) -> np.ndarray:
    shared = (left @ right).toarray()
    jaccard = shared / np.maximum(n_left[:, None] + n_right[None, :] - shared, 1)
    near: np.ndarray = (jaccard.max(axis=1, initial=0) >= NEAR_DUPLICATE_JACCARD) & (
        n_left >= MIN_WORDS_FOR_NEAR
    )
    return near


def _word_sets(left: Sequence[str], right: Sequence[str]) -> tuple[Any, Any]:
    """Sparse 0/1 matrices (texts, words) over one vocabulary."""
    from scipy.sparse import csr_array

    texts = pl.DataFrame({"text": [*left, *right]}, schema={"text": pl.String}).with_row_index("row")
    cells = texts.select("row", words=_words(pl.col("text").str.to_lowercase()).list.unique())
    cells = cells.explode("words").drop_nulls().with_columns(column=pl.col("words").rank("dense") - 1)
    shape = (len(left) + len(right), cells["column"].n_unique())
    ones = np.ones(cells.height, dtype=np.float32)
    both = csr_array((ones, (cells["row"].to_numpy(), cells["column"].to_numpy())), shape=shape)
    return both[: len(left)], both[len(left) :]


def _words(text: pl.Expr) -> pl.Expr:
    """The words of a text; of one with Chinese characters the pairs of neighbours among these and its words."""
    single = text.str.extract_all(r"[\w--\p{Han}]+|\p{Han}")
    pairs = single.list.eval(pl.element() + "\n" + pl.element().shift(-1)).list.drop_nulls()
    return pl.when(text.str.contains(r"\p{Han}")).then(pairs).otherwise(single)


def _row_sums(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()


def _load_source(data_dir: Path, source: Source, *, split: str, profile: Profile = profile_text) -> Labelled:
    stem = source.validation if split == "validation" and source.validation else source.train
    path = data_dir / f"{stem}.parquet"
    if not path.exists():
        raise InputError(
            f"training data {path} is missing; expected a parquet file with columns text, labels"
        )
    frame = pl.read_parquet(path).filter(pl.col("text").is_not_null())
    if source.validation is None:
        held_out = _own_validation(frame["text"].to_list())
        frame = frame.filter(held_out if split == "validation" else ~held_out)
    return _labelled(frame, source=source, split=split, profile=profile)


def _own_validation(texts: Sequence[str]) -> pl.Series:
    """Whether a text belongs to the eighth that is kept apart: the same texts in every run and on every machine."""
    digests = (hashlib.sha256(leak_key(text).encode()).digest()[0] for text in texts)
    return pl.Series([digest % HELD_OUT == 0 for digest in digests], dtype=pl.Boolean)


def _labelled(
    frame: pl.DataFrame, *, source: Source, split: str, profile: Profile = profile_text
) -> Labelled:
    profiled = frame.with_columns(text=profile(_dataset_masks(pl.col("text"))))
    kept = profiled.filter(pl.col("text").str.len_chars() > 0)
    labels = kept["labels"].to_list()
    targets, masks = targets_and_masks(labels, label_map=source.labels)
    if split == "train":
        masks += _assumed(labels, label_map=source.labels)
    return Labelled(kept["text"].to_list(), targets, masks, np.full(kept.height, source.name))


def _assumed(labels: Sequence[Sequence[str]], *, label_map: LabelMap) -> np.ndarray:
    plain = np.array([not label_map.assumed_unless.intersection(names) for names in labels], dtype=np.float32)
    return plain[:, None] * np.isin(MEASURES, label_map.assumed) * np.float32(ASSUMED_WEIGHT)


def _dataset_masks(text: pl.Expr) -> pl.Expr:
    """The masks these corpora were published with, in the spelling of the warehouse."""
    return text.str.replace_all(r"\[NAME\]|\bUSER\b", "@user").str.replace_all(r"\[RELIGION\]", "religion")


def targets_and_masks(
    labels: Sequence[Sequence[str]], *, label_map: LabelMap
) -> tuple[np.ndarray, np.ndarray]:
    """Float32 arrays of shape (rows, measures): 1 where a measure applies, and 1 where that is known at all."""
    targets = np.zeros((len(labels), len(MEASURES)), dtype=np.float32)
    masks = np.tile(np.isin(MEASURES, label_map.known).astype(np.float32), (len(labels), 1))
    for row, names in enumerate(labels):
        positive = [MEASURES.index(m) for n in names for m in label_map.positive.get(n, ())]
        unclear = [MEASURES.index(m) for n in names for m in label_map.unclear.get(n, ())]
        masks[row, unclear] = 0.0
        masks[row, positive] = 1.0
        targets[row, positive] = 1.0
    return targets, masks
