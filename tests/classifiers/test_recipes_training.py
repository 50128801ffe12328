"""From a folder of data to a folder that scores: losses, resuming, judging, what is written, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import tiny_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_worlds import (
    data_spec,
    fig_folder,
    labelled_frame,
    one_of_frame,
    redsm5_folder,
    redsm5_tables,
    sentences,
    wellness_frame,
)
from safetensors.torch import load_file

from classifiers.hub.score import HubScorer
from classifiers.hub.spec import HubSpec
from classifiers.recipes import loop
from classifiers.recipes.bases import (
    find_base,
    heads,
    known_pieces,
    label_names,
    open_classifier,
    open_masked,
    open_tokeniser,
)
from classifiers.recipes.batches import epoch_batches
from classifiers.recipes.examples import Examples, Group, Task, measures_of
from classifiers.recipes.judge import cells_of, judge, log_odds
from classifiers.recipes.losses import groups_loss
from classifiers.recipes.options import AdaptSpec, TrainSpec
from classifiers.recipes.registry import make_task
from classifiers.recipes.trainer import Order, run_recipe
from warehouse.errors import InputError, MissingModelError, UsageError

MIXED = (
    Group("a", ("x", "y", "z"), "softmax"),
    Group("b", ("p", "q"), "sigmoid"),
    Group("c", ("n", "y2"), "softmax"),
)
FAST = TrainSpec(epochs=1, max_steps=3, max_tokens=32, device="cpu", checkpoint_every=2)
KEYS = {
    "recipe", "measures", "groups", "profile", "languages", "max_tokens", "max_windows", "pooling", "licence",
    "thresholds", "calibration", "error_rates", "unjudged", "metrics", "training", "notes",
}  # fmt: skip


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.bert(tmp_path_factory.mktemp("bases") / "tiny-bert", labels=tiny_models.LEIA)


@pytest.fixture(scope="module")
def labels_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    path = tmp_path_factory.mktemp("data") / "moods.parquet"
    labelled_frame(300).write_parquet(path)
    return make_task("labels", spec=data_spec(path))


def order(task: Task, *, base: Path, out: Path, **more: Any) -> Order:
    return Order(**({"task": task, "base": find_base(str(base)), "out": out, "train": FAST} | more))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def guide_marble(texts: Any) -> list[list[tuple[int, int]]]:
    return [[(t.index("marble"), t.index("marble") + 6)] if "marble" in t else [] for t in texts]


def adaptation(**more: Any) -> AdaptSpec:
    return AdaptSpec(
        **({"texts": sentences(80, seed=4), "guide": guide_marble, "guide_name": "marble", "source": "posts.csv",
            "max_steps": 4, "max_tokens": 32, "batch_tokens": 512} | more)
    )  # fmt: skip


# Losses and batches


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 12))
def test_the_loss_is_the_slow_one(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, 7))
    targets = np.concatenate(
        [
            rng.multinomial(3, [1 / 3] * 3, rows) / 3,
            rng.integers(0, 2, (rows, 2)),
            np.eye(2)[rng.integers(0, 2, rows)],
        ],
        1,
    )
    known = rng.random((rows, 4)) < 0.7
    masks = known[:, [0, 0, 0, 1, 2, 3, 3]].astype(float)
    expected = 0.0
    for at, soft in ((slice(0, 3), True), (slice(3, 5), False), (slice(5, 7), True)):
        total, n = 0.0, 0.0
        for i in range(rows):
            z, y, m = logits[i, at], targets[i, at], masks[i, at]
            if soft:
                p = np.exp(z) / np.exp(z).sum()
                total, n = total + m[0] * -(y * np.log(p)).sum(), n + m[0]
            else:
                p = 1 / (1 + np.exp(-z))
                total, n = total + (m * -(y * np.log(p) + (1 - y) * np.log(1 - p))).sum(), n + m.sum()
        expected += total / max(n, 1.0)
    tensors = (torch.from_numpy(part) for part in (targets, masks))
    found = groups_loss(
        torch.from_numpy(logits), **dict(zip(("targets", "masks"), tensors, strict=True)), groups=MIXED
    )
    assert float(found) == pytest.approx(expected)


@given(
    lengths=st.lists(st.integers(0, 80), min_size=1, max_size=60),
    budget=st.integers(20, 400),
    seed=st.integers(0, 1_000),
)
def test_batches_hold_every_text_once_and_stay_within_their_budget(
    lengths: list[int], budget: int, seed: int
) -> None:
    size, special = 30, 2
    made = epoch_batches(np.array(lengths), size=size, special=special, budget=budget, seed=(seed, 0))
    assert sorted(w.row for batch in made for w in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) == 1 or len(batch) * (max(w.size for w in batch) + special) <= budget
        for w in batch:
            assert w.size == min(size, lengths[w.row])
            assert 0 <= w.first <= lengths[w.row] - w.size
    assert made == epoch_batches(np.array(lengths), size=size, special=special, budget=budget, seed=(seed, 0))


# Judging


def examples(targets: np.ndarray, *, languages: list[str] | None = None) -> Examples:
    n = len(targets)
    masks = np.ones_like(targets)
    return Examples(
        sentences(n), targets.astype(np.float32), masks, np.array(languages or ["en"] * n, dtype=object)
    )


def test_a_tie_of_votes_is_unknown_and_the_winner_is_true() -> None:
    targets = np.array([[2, 1, 0, 0, 1, 0, 3], [1, 1, 0, 1, 1, 3, 0]]) / np.array([3, 3, 3, 1, 1, 3, 3])
    flat = np.full((2, 7), 0.5)
    cells = cells_of(flat, examples(targets), groups=MIXED)
    assert measures_of(MIXED) == ("a_x", "a_y", "a_z", "p", "q", "c")
    assert cells.truth.tolist()[0] == [True, False, False, False, True, True]
    assert cells.known.tolist() == [[True] * 6, [False, False, True, True, True, True]]


def test_log_odds_are_of_the_measures_probability() -> None:
    flat = np.array([[0.2, 0.5, 0.3, 0.9, 0.1, 0.25, 0.75]])
    expected = np.log(
        np.array([0.2, 0.5, 0.3, 0.9, 0.1, 0.75]) / (1 - np.array([0.2, 0.5, 0.3, 0.9, 0.1, 0.75]))
    )
    assert log_odds(flat, groups=MIXED)[0] == pytest.approx(expected)


def test_thresholds_are_of_each_language_and_rare_measures_have_none() -> None:
    rng = np.random.default_rng(5)
    group = (Group("g", ("often", "rare"), "sigmoid"),)
    targets = np.stack([rng.integers(0, 2, 200), np.arange(200) < 3], axis=1)
    # The second language needs another threshold.
    shift = np.repeat([0.3, -0.3], 100)
    flat = np.clip(np.stack([0.35 + 0.3 * targets[:, 0] + 0.4 * shift, rng.random(200)], axis=1), 0.01, 0.99)
    found = judge(flat, examples(targets, languages=["en"] * 100 + ["es"] * 100), groups=group)
    assert found.unjudged == ("rare",)
    assert found.calibration["rare"].slope == 1
    assert set(found.error_rates) == set(found.thresholds) == {"en", "es"}
    assert {name for rates in found.error_rates.values() for name in rates} == {"often"}
    assert found.thresholds["en"]["often"] > found.thresholds["es"]["often"]
    for rates in found.error_rates.values():
        assert (rates["often"]["tpr"], rates["often"]["fpr"]) == (1.0, 0.0)
        assert rates["often"]["n_pos"] + rates["often"]["n_neg"] == 100


def test_where_nothing_can_be_judged_nothing_is_said() -> None:
    group = (Group("g", ("rare",), "sigmoid"),)
    found = judge(np.full((20, 1), 0.5), examples((np.arange(20) < 2)[:, None]), groups=group)
    assert found.unjudged == ("rare",)
    assert found.metrics["macro_f1"] is None
    assert found.thresholds == found.error_rates == {}


# The folder


def fig_task(folder: Path) -> Task:
    return make_task("fig_loneliness", spec=data_spec(fig_folder(folder / "FIG")))


def redsm5_task(folder: Path) -> Task:
    posts, annotations = redsm5_tables(300)
    return make_task("redsm5", spec=data_spec(redsm5_folder(folder, posts=posts, annotations=annotations)))


def multiwd_task(folder: Path) -> Task:
    wellness_frame(300).write_csv(folder / "wellness.csv")
    return make_task("multiwd", spec=data_spec(folder / "wellness.csv"))


def leia_task(folder: Path) -> Task:
    one_of_frame(300, labels=("happiness", "affection", "sadness", "anger", "fear")).write_csv(
        folder / "e.csv"
    )
    return make_task("leia", spec=data_spec(folder / "e.csv"))


def two_language_task(folder: Path) -> Task:
    frame = labelled_frame(400).with_columns(lang=pl.Series(["en", "es"] * 200))
    frame.write_parquet(folder / "two.parquet")
    return make_task("labels", spec=data_spec(folder / "two.parquet"))


TASKS: dict[str, tuple[Callable[[Path], Task], Callable[[Path], Path]]] = {
    "fig_loneliness": (fig_task, lambda f: tiny_models.bert(f, labels=tiny_models.LEIA)),
    "redsm5": (redsm5_task, tiny_models.roberta),
    "multiwd": (multiwd_task, tiny_models.xlm_roberta),
    "leia": (leia_task, tiny_models.bertweet),
    "labels": (two_language_task, lambda f: tiny_models.bert(f, labels=tiny_models.LEIA)),
}


@pytest.mark.parametrize("recipe", sorted(TASKS))
def test_a_recipe_ends_in_a_folder_that_is_complete_and_scores_as_its_description_says(
    recipe: str, tmp_path: Path
) -> None:
    task_of, base_of = TASKS[recipe]
    task, out = task_of(tmp_path), tmp_path / "model"
    adapt = adaptation() if recipe == "leia" else None
    meta = run_recipe(order(task, base=base_of(tmp_path / "base"), out=out, adapt=adapt))
    assert json.loads((out / "affectcast.json").read_text(encoding="utf-8")) == meta
    assert set(meta) == KEYS
    assert not (out / ".training").exists()
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert tuple(config["id2label"].values()) == label_names(task.groups)
    assert [g["labels"] for g in meta["groups"]] == [list(g.labels) for g in task.groups]
    assert set(meta["calibration"]) == set(meta["measures"]) == set(measures_of(task.groups))
    _assert_rates_are_those_of_scoring(task, meta=meta, out=out)
    _assert_card_is_complete((out / "CARD.md").read_text(encoding="utf-8"), meta=meta, task=task)


def _assert_rates_are_those_of_scoring(task: Task, *, meta: dict[str, Any], out: Path) -> None:
    """What the loader of such folders says of the validation rows has the rates that the description claims."""
    scorer = HubScorer(
        HubSpec(name="mine", source=str(out), device="cpu", precision="fp32"), threads=1, runtime="torch"
    )
    rows = task.validation
    posts = pl.DataFrame({"text": rows.texts, "lang": rows.languages.tolist()})
    scored = scorer.score(posts)
    assert set(scorer.measures) == set(meta["measures"])
    cells = cells_of(np.full(rows.targets.shape, 0.5), rows, groups=task.groups)
    for lang, rates in meta["error_rates"].items():
        for name, rate in rates.items():
            k = meta["measures"].index(name)
            at = (rows.languages == lang) & cells.known[:, k]
            said = scored[name].to_numpy()[at] >= meta["thresholds"][lang][name]
            truth = cells.truth[at, k]
            assert rate["threshold"] == meta["thresholds"][lang][name]
            assert (rate["n_pos"], rate["n_neg"]) == (truth.sum(), (~truth).sum())
            assert rate["tpr"] == pytest.approx(said[truth].mean(), abs=2 / max(truth.sum(), 1))
            assert rate["fpr"] == pytest.approx(said[~truth].mean(), abs=2 / max((~truth).sum(), 1))


def _assert_card_is_complete(card: str, *, meta: dict[str, Any], task: Task) -> None:
    for heading in (
        "## Data",
        "## Licence",
        "## How it was made",
        "## Results on validation",
        "## Limits",
        "## Not for",
    ):
        assert heading in card
    for name in (*meta["measures"], *meta["training"]["data"]["files"], meta["training"]["base"]):
        assert name in card
    for note in task.notes:
        assert note in card
    for rates in meta["error_rates"].values():
        for name, rate in rates.items():
            assert f"| {name} | " in card
            assert f"{rate['threshold']:.3f}" in card
    assert "as of the base model" in card
    assert not [text for text in (*task.train.texts, *task.validation.texts) if text in card]


def test_posts_and_sentences_are_both_reported(tmp_path: Path, bert: Path) -> None:
    task = redsm5_task(tmp_path)
    meta = run_recipe(order(task, base=bert, out=tmp_path / "model"))
    assert meta["pooling"] == "max"
    assert meta["metrics"]["rows"] == len(task.validation)
    assert meta["metrics"]["beside"]["sentence"]["rows"] == len(task.beside["sentence"])
    assert "By sentence" in (tmp_path / "model" / "CARD.md").read_text(encoding="utf-8")


def test_training_learns_what_is_there(tmp_path: Path, bert: Path) -> None:
    frame = labelled_frame(300, labels=("calm", "hurry"))
    told = frame.with_columns(
        text=pl.when(pl.col("labels").list.contains("calm"))
        .then(pl.lit("zzz zzz zzz "))
        .otherwise(pl.lit(""))
        + pl.col("text")
    )
    told.write_parquet(tmp_path / "l.parquet")
    task = make_task("labels", spec=data_spec(tmp_path / "l.parquet"))
    train = TrainSpec(epochs=10, max_tokens=64, device="cpu", rate=5e-3, batch_tokens=4_096)
    meta = run_recipe(order(task, base=bert, out=tmp_path / "model", train=train))
    assert meta["metrics"]["f1"]["calm"][0] > 0.9
    assert meta["training"]["last_loss"] < meta["training"]["first_loss"]


def test_the_head_of_the_base_is_never_kept(bert: Path) -> None:
    groups = (Group("emotion", tiny_models.LEIA, "softmax"),)
    base = find_base(str(bert))
    theirs = weights(bert)
    ours = [dict(open_classifier(base, groups=groups, seed=seed).named_parameters()) for seed in (1, 1, 2)]
    assert not torch.equal(ours[0]["classifier.weight"], theirs["classifier.weight"])
    assert torch.equal(ours[0]["classifier.weight"], ours[1]["classifier.weight"])
    assert not torch.equal(ours[0]["classifier.weight"], ours[2]["classifier.weight"])
    name = "bert.embeddings.word_embeddings.weight"
    assert torch.equal(ours[0][name], theirs[name])


def test_a_base_without_a_masked_head_gets_one_tied_to_its_words_and_says_so(
    bert: Path, tmp_path: Path
) -> None:
    model, own = open_masked(find_base(str(bert)), seed=1)
    assert not own
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    model.save_pretrained(tmp_path / "masked")
    for path in bert.glob("*o*e*i*.json"):
        shutil.copy(path, tmp_path / "masked" / path.name) if "token" in path.name else None
    again, own = open_masked(find_base(str(tmp_path / "masked")), seed=2)
    assert own
    head = next(iter(heads(model).values())).state_dict()
    assert all(
        torch.equal(value, head[name])
        for name, value in next(iter(heads(again).values())).state_dict().items()
    )


def test_adaptation_changes_the_encoder_and_is_described(
    tmp_path: Path, bert: Path, labels_task: Task
) -> None:
    plain = run_recipe(order(labels_task, base=bert, out=tmp_path / "plain"))
    meta = run_recipe(order(labels_task, base=bert, out=tmp_path / "adapted", adapt=adaptation()))
    name = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(weights(tmp_path / "plain")[name], weights(tmp_path / "adapted")[name])
    assert plain["training"]["adapted"] is None
    facts = meta["training"]["adapted"]
    assert (facts["steps"], facts["guide"], facts["source"], facts["posts"]) == (4, "marble", "posts.csv", 80)
    assert facts["head"] == "new, its output tied to the input word vectors"
    assert 0 < facts["guide_share_of_words"] < 0.2
    assert "masked-language modelling on 80 unlabelled posts" in (tmp_path / "adapted" / "CARD.md").read_text(
        "utf-8"
    )


# Interruption


class KilledError(Exception):
    """What ends a process, as far as this test is concerned."""


@pytest.mark.parametrize("after", [5, 9, 14])
def test_a_training_that_goes_on_ends_with_the_same_weights(
    tmp_path: Path, bert: Path, labels_task: Task, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    train = TrainSpec(
        epochs=3, max_steps=10, max_tokens=32, device="cpu", checkpoint_every=2, batch_tokens=512
    )
    spec = {"train": train, "adapt": adaptation(max_steps=6, batch_tokens=512)}
    whole = run_recipe(order(labels_task, base=bert, out=tmp_path / "whole", **spec))
    steps, real = [0], loop._step

    def dies(*args: Any, **more: Any) -> float:
        steps[0] += 1
        if steps[0] > after:
            raise KilledError
        return real(*args, **more)

    monkeypatch.setattr(loop, "_step", dies)
    with pytest.raises(KilledError):
        run_recipe(order(labels_task, base=bert, out=tmp_path / "cut", **spec))
    monkeypatch.setattr(loop, "_step", real)
    assert not (tmp_path / "cut" / "affectcast.json").exists()
    with pytest.raises(UsageError, match=r"holds an unfinished training\. Go on with --resume"):
        run_recipe(order(labels_task, base=bert, out=tmp_path / "cut", **spec))
    resumed = run_recipe(order(labels_task, base=bert, out=tmp_path / "cut", resume=True, **spec))
    ours, theirs = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert resumed == whole


def test_the_same_order_gives_the_same_folder(tmp_path: Path, bert: Path, labels_task: Task) -> None:
    made = [run_recipe(order(labels_task, base=bert, out=tmp_path / name)) for name in ("a", "b")]
    assert made[0] == made[1]
    ours, theirs = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_an_unfinished_training_with_other_settings_is_not_gone_on_with(
    tmp_path: Path, bert: Path, labels_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model"
    keep = loop._keep

    def dies(*args: Any, **more: Any) -> None:
        keep(*args, **more)
        raise KilledError

    monkeypatch.setattr(loop, "_keep", dies)
    train = TrainSpec(epochs=3, max_steps=6, max_tokens=32, device="cpu", checkpoint_every=2)
    with pytest.raises(KilledError):
        run_recipe(order(labels_task, base=bert, out=out, train=train))
    monkeypatch.setattr(loop, "_keep", keep)
    with pytest.raises(UsageError, match="other data or settings"):
        run_recipe(
            order(
                labels_task,
                base=bert,
                out=out,
                resume=True,
                train=TrainSpec(max_steps=7, max_tokens=32, device="cpu"),
            )
        )
    assert run_recipe(order(labels_task, base=bert, out=out, force=True))["training"]["steps"] == 3


# What is refused


def test_a_finished_model_is_not_overwritten_unless_forced(
    tmp_path: Path, bert: Path, labels_task: Task
) -> None:
    out = tmp_path / "model"
    run_recipe(order(labels_task, base=bert, out=out))
    with pytest.raises(UsageError, match=r"already holds a finished model.*--force"):
        run_recipe(order(labels_task, base=bert, out=out))
    run_recipe(order(labels_task, base=bert, out=out, force=True))


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("force", [False, True])
def test_an_out_that_is_something_else_is_left_alone(
    tmp_path: Path, bert: Path, labels_task: Task, what: str, force: bool
) -> None:
    out = tmp_path / "mine"
    if what == "folder":
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
    else:
        out.write_text("mine")
    with pytest.raises(UsageError, match="is not empty" if what == "folder" else "is a file"):
        run_recipe(order(labels_task, base=bert, out=out, force=force))
    assert not (out / ".training").exists()


def test_bases_that_cannot_be_opened_say_what_to_do(tmp_path: Path, bert: Path, labels_task: Task) -> None:
    with pytest.raises(MissingModelError, match="no such folder"):
        find_base(str(tmp_path / "nowhere"))
    absent = find_base("nobody/nothing")
    assert absent.licence == "as of the base model"
    with pytest.raises(MissingModelError, match=r"neither a folder nor in the cache.*HF_HUB_OFFLINE=0"):
        open_classifier(absent, groups=labels_task.groups, seed=1)
    odd = shutil.copytree(bert, tmp_path / "odd")
    tiny_models.edit_json(odd / "config.json", model_type="something_new", architectures=None)
    with pytest.raises(InputError, match="of a kind that the installed transformers knows"):
        open_classifier(find_base(str(odd)), groups=labels_task.groups, seed=1)


def test_a_mask_without_a_vector_is_refused_for_adapting_and_read_as_unknown_otherwise(
    tmp_path: Path, bert: Path, labels_task: Task
) -> None:
    base = shutil.copytree(bert, tmp_path / "base")
    pieces = [p for p in (base / "vocab.txt").read_text(encoding="utf-8").split() if p != "[MASK]"]
    (base / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    # The tokeniser adds the mask behind the others, where the model has no vector for it.
    model = open_classifier(find_base(str(base)), groups=labels_task.groups, seed=1)
    model.resize_token_embeddings(len(pieces))
    model.save_pretrained(base)
    with pytest.raises(InputError, match="it has no mask, so words cannot be hidden"):
        run_recipe(order(labels_task, base=base, out=tmp_path / "a", adapt=adaptation()))
    held = known_pieces(open_tokeniser(find_base(str(base))), model=model, base=find_base(str(base)))
    assert max(held.ids(["a [MASK] b"])[0]) < len(pieces)
    assert run_recipe(order(labels_task, base=base, out=tmp_path / "m"))["training"]["steps"] > 0
    model.resize_token_embeddings(len(pieces) - 20)
    with pytest.raises(InputError, match="Expected files of one model"):
        known_pieces(open_tokeniser(find_base(str(base))), model=model, base=find_base(str(base)))


def test_a_licence_is_read_off_the_bases_page(tmp_path: Path, bert: Path) -> None:
    base = shutil.copytree(bert, tmp_path / "base")
    (base / "README.md").write_text("---\nlicense: mit\n---\n# A model\n")
    assert find_base(str(base)).licence == "mit"
    assert find_base(None).licence == "Apache-2.0"


def test_too_few_posts_to_adapt_on_are_refused(tmp_path: Path, bert: Path, labels_task: Task) -> None:
    with pytest.raises(InputError, match=r"posts\.csv: 9 posts to adapt on; expected at least 50"):
        run_recipe(order(labels_task, base=bert, out=tmp_path / "m", adapt=adaptation(texts=sentences(9))))


def test_a_device_that_is_not_there_is_refused(tmp_path: Path, bert: Path, labels_task: Task) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UsageError, match="--device cuda"):
        run_recipe(order(labels_task, base=bert, out=tmp_path / "m", train=TrainSpec(device="cuda")))
