"""Posts per second and core: the engine beside transformers pipelines, on one real encoder and posts made up here.

The model is the installed MiniLM encoder under a seeded head, saved as an ordinary folder, because every way has to
run the same network; its labels mean nothing. Not a quality benchmark, but labels and prevalences are compared.
Run: python benchmarks/engine_speed.py [--posts N] [--rounds N] [--out FILE]; writes the page in `results`.
"""

import argparse
import platform
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from classifiers.hub.score import HubScorer
from classifiers.hub.spec import HubSpec
from classifiers.package import encoder_folder
from classifiers.score import ClassifierScorer
from warehouse.config import quiet_environment

RESULT = Path(__file__).parent / "results" / "engine_speed.md"
LABELS = ("anger", "fear", "joy", "sadness", "affection")
NAIVE = "pipeline, one by one"
BATCH = 32
Way = Callable[[list[str]], list[str]]

OPENINGS = ("honestly", "well", "so today", "this morning", "again", "back home", "after all that")
SUBJECTS = (
    "the bus",
    "my sister",
    "our street",
    "the weather",
    "the team",
    "this phone",
    "the doctor",
    "work",
)
VERBS = (
    "made us laugh",
    "was late",
    "kept us waiting",
    "surprised everyone",
    "broke down",
    "looked wonderful",
)
ENDINGS = (
    "and I cannot stop smiling",
    "which is a shame",
    "as it always does",
    "but we will manage",
    "thanks a lot",
)


def made_up_posts(n: int, *, seed: int = 5) -> list[str]:
    """Different posts of about 36 word pieces each."""
    rng = random.Random(seed)
    return [
        " ".join(_sentence(rng) for _ in range(rng.choice((1, 2, 2, 3, 4, 5)))) + f" {i}" for i in range(n)
    ]


def _sentence(rng: random.Random) -> str:
    return f"{rng.choice(OPENINGS)} {rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(ENDINGS)}!"


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of one call; the second is the fair one on a busy machine."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def real_model(folder: Path) -> Path:
    """MiniLM with a seeded head of five labels that all occur, saved with its tokeniser."""
    import torch
    from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification

    source = encoder_folder()
    config = AutoConfig.from_pretrained(source, local_files_only=True)
    config.id2label, config.label2id = dict(enumerate(LABELS)), {name: i for i, name in enumerate(LABELS)}
    model = BertForSequenceClassification.from_pretrained(source, config=config, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
    inputs = tokenizer(made_up_posts(200, seed=1), padding=True, return_tensors="pt")
    with torch.no_grad():
        pooled = model.bert(**inputs).pooler_output
        # Along the directions in which posts differ, as a trained head would be; a random one hears noise as well.
        directions = torch.linalg.svd(pooled - pooled.mean(0), full_matrices=False).Vh[: len(LABELS)]
        turned = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(7))).Q @ directions
        spread = ((pooled - pooled.mean(0)) @ turned.T).std()
        model.classifier.weight.copy_(2.0 * turned / spread)
        model.classifier.bias.copy_(-(pooled.mean(0) @ model.classifier.weight.T))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def ways(folder: Path) -> dict[str, Way]:
    """Every way of scoring the same model; each says one label a post."""
    pipe, tokenizer, model = _transformers(folder)
    made: dict[str, Way] = {
        NAIVE: lambda posts: [pipe(post)[0]["label"] for post in posts],
        f"pipeline, batches of {BATCH}": lambda posts: [
            found["label"] for found in pipe(posts, batch_size=BATCH)
        ],
        "sorted batches, fp32": lambda posts: sorted_loop(posts, tokenizer=tokenizer, model=model),
    }
    for runtime, precision in (("torch", "fp32"), ("openvino", "fp32"), ("openvino", "int8")):
        if precision == "int8" and find_spec("nncf") is None:
            continue
        way, used = _ours(folder, precision=precision, runtime=runtime)
        if used == f"{runtime}-{precision}":
            made[f"ours, {used}"] = way
        else:
            print(f"{runtime} {precision} is left out: the start-up probe chose {used}")
    return made


def _transformers(folder: Path) -> tuple[Any, Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return (
        pipeline("text-classification", model=model, tokenizer=tokenizer, truncation=True),
        tokenizer,
        model,
    )


def sorted_loop(posts: list[str], *, tokenizer: Any, model: Any) -> list[str]:
    """What a careful script does: batches of posts of like length."""
    import torch

    order = sorted(range(len(posts)), key=lambda i: len(posts[i]))
    labels = [""] * len(posts)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        inputs = tokenizer([posts[i] for i in rows], padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            winners = model(**inputs).logits.argmax(-1).tolist()
        for row, winner in zip(rows, winners, strict=True):
            labels[row] = LABELS[winner]
    return labels


def _ours(folder: Path, *, precision: Any, runtime: Any) -> tuple[Way, str]:
    """The scorer as a way, and the form of the model that its start-up probe let through."""
    spec = HubSpec(name="bench", source=str(folder), languages=("en",), device="cpu", precision=precision)
    texts = made_up_posts(600, seed=2) if precision == "int8" else ()
    scorer = HubScorer(spec, threads=1, runtime=runtime, calibration=texts)
    scorer.score(_frame(made_up_posts(4, seed=3)))

    def label(posts: list[str]) -> list[str]:
        scores = scorer.score(_frame(posts)).select(scorer.measures).to_numpy()
        return [scorer.measures[i] for i in scores.argmax(1)]

    return label, scorer.backend_name()


def _frame(posts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"text": posts, "lang": ["en"] * len(posts)})


def race(
    made: dict[str, Way], *, posts: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Processor seconds per way and round, and all labels per way; other posts each round, so that no cache helps."""
    for way in made.values():
        way(made_up_posts(40, seed=3))
    taken: dict[str, list[float]] = {name: [] for name in made}
    said: dict[str, list[str]] = {name: [] for name in made}
    for i in range(rounds):
        texts = [f"{text} {i}" for text in made_up_posts(posts, seed=100 + i)]
        for name, way in made.items():
            taken[name].append(seconds(partial(_listen, way, texts, said[name]))[1])
    return taken, said


def _listen(way: Way, posts: list[str], said: list[str]) -> None:
    said.extend(way(posts))


def embedded_speed(*, posts: int, rounds: int) -> dict[str, float]:
    """Posts per processor second of the embedded English tier, tokenising and all heads included."""
    scorer, best = ClassifierScorer("emotion", threads=1), 0.0
    scorer.score(_frame(made_up_posts(40, seed=3)))
    for i in range(rounds):
        frame = _frame([f"{text} {i}" for text in made_up_posts(posts, seed=200 + i)])
        best = max(best, posts / seconds(partial(scorer.score, frame))[1])
    return {"embedded English encoder, all heads": best}


def table(taken: dict[str, list[float]], said: dict[str, list[str]], *, posts: int) -> list[str]:
    """One row a way: median posts per second, times the pipelines, agreement with the naive one."""
    batched = f"pipeline, batches of {BATCH}"
    lines = [
        "| way | posts/s | times one by one | times batched | same label | prevalence off by at most |",
        "|---|---|---|---|---|---|",
    ]
    for name, times in taken.items():
        ratios = [float(np.median(np.array(taken[other]) / np.array(times))) for other in (NAIVE, batched)]
        same = np.mean([a == b for a, b in zip(said[name], said[NAIVE], strict=True)])
        off = max(abs(said[name].count(label) - said[NAIVE].count(label)) for label in LABELS) / len(
            said[name]
        )
        lines.append(
            f"| {name} | {posts / float(np.median(times)):,.0f} | {ratios[0]:.1f} | {ratios[1]:.1f} | {same:.2%} "
            f"| {100 * off:.2f} points |"
        )
    return lines


def report(lines: list[str], *, posts: int, rounds: int, tokens: float) -> str:
    """The page."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "transformers", "openvino", "polars")
    )
    return "\n".join(
        [
            "# Speed of the classifier engine",
            "",
            f"Written by `benchmarks/engine_speed.py`: {rounds} interleaved rounds of {posts:,} invented posts of "
            f"{tokens:.0f} word pieces on average, one thread, posts per second of processor time (median). The model "
            "is MiniLM-L6 under a seeded head, the same for every way; labels are compared with the pipeline that "
            "reads one post at a time.",
            "",
            f"Machine: {_processor()}; Python {platform.python_version()}, {versions}.",
            "",
            *lines,
        ]
    )


def _processor() -> str:
    try:
        names = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
        ]
    except OSError:
        names = []
    return f"{names[0].split(':')[1].strip()}, {len(names)} cores" if names else platform.machine()


def main() -> None:
    """Race, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    quiet_environment()
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as root:
        folder = real_model(Path(root) / "minilm")
        counter = HubScorer(HubSpec(name="bench", source=str(folder), languages=("en",))).tokeniser
        tokens = float(counter.windows(made_up_posts(500)).n_tokens.mean())
        lines = table(*race(ways(folder), posts=given.posts, rounds=given.rounds), posts=given.posts)
    embedded = embedded_speed(posts=4 * given.posts, rounds=given.rounds)
    lines += [
        "",
        "| also | posts/s |",
        "|---|---|",
        *(f"| {name} | {rate:,.0f} |" for name, rate in embedded.items()),
    ]
    page = report(lines, posts=given.posts, rounds=given.rounds, tokens=tokens)
    print(page)
    given.out.write_text(page + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
