"""Tiny random models with the file layouts of the published ones, and made-up posts; nothing here was downloaded."""

import json
import string
from pathlib import Path
from typing import Any

from classifiers.hub.spec import HubSpec

LEIA = ("Sadness", "Affection", "Fear", "Happiness", "Anger")
HARTMANN = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
LETTERS = string.ascii_lowercase + string.digits
CHINESE = "我你他今天很开心难过生气害怕好不的了在有人大家"
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "initializer_range": 0.4,
}


def labelled(labels: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """The part of a configuration that names labels."""
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
        **more,
    }


def save(model_class: Any, config: Any, *, folder: Path, seed: int = 1) -> Path:
    """A seeded random model of this shape, saved as its authors would have."""
    import torch

    torch.manual_seed(seed)
    model_class(config).eval().save_pretrained(folder)
    return folder


def bertweet(folder: Path, *, labels: tuple[str, ...] = LEIA, **more: Any) -> Path:
    """RoBERTa with 130 positions and the slow BERTweet tokeniser, as LEIA-base."""
    from transformers import RobertaConfig, RobertaForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    pieces = [f"{c}@@" for c in LETTERS] + list(LETTERS + "!?.,':") + ["@USER", "HTTPURL"]
    (folder / "vocab.txt").write_text("".join(f"{piece} 9\n" for piece in pieces), encoding="utf-8")
    (folder / "bpe.codes").write_text("#version: 0.2\n", encoding="utf-8")
    write_json(
        folder / "tokenizer_config.json", {"tokenizer_class": "BertweetTokenizer", "model_max_length": 128}
    )
    config = RobertaConfig(
        vocab_size=len(pieces) + 5, max_position_embeddings=130, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        type_vocab_size=1, **SIZES, **labelled(labels, **more),
    )  # fmt: skip
    return save(RobertaForSequenceClassification, config, folder=folder)


def roberta(folder: Path, *, labels: tuple[str, ...] = HARTMANN, positions: int = 514, **more: Any) -> Path:
    """RoBERTa or DistilRoBERTa with byte-level word pieces."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import RobertaConfig, RobertaForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {
        piece: i for i, piece in enumerate([*specials, *sorted(pre_tokenizers.ByteLevel.alphabet())])
    }
    fast = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    fast.pre_tokenizer, fast.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    fast.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    fast.save(str(folder / "tokenizer.json"))
    write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    write_json(
        folder / "tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer", "model_max_length": 512}
    )
    config = RobertaConfig(
        vocab_size=len(vocabulary), max_position_embeddings=positions, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        type_vocab_size=1, **SIZES, **labelled(labels, **more),
    )  # fmt: skip
    return save(RobertaForSequenceClassification, config, folder=folder)


def xlm_roberta(folder: Path, *, labels: tuple[str, ...] = LEIA, **more: Any) -> Path:
    """XLM-RoBERTa with a unigram vocabulary and 130 positions, as LEIA-multilingual."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS, *"áéíóúñãçü!?.,@", *CHINESE, "<mask>"]
    fast = Tokenizer(
        models.Unigram([(piece, -1.0 - i / 100) for i, piece in enumerate(dict.fromkeys(pieces))], unk_id=3)
    )
    fast.pre_tokenizer = pre_tokenizers.Metaspace()
    fast.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 128}
    )
    config = XLMRobertaConfig(
        vocab_size=len(dict.fromkeys(pieces)), max_position_embeddings=130, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, type_vocab_size=1, **SIZES, **labelled(labels, **more),
    )  # fmt: skip
    return save(XLMRobertaForSequenceClassification, config, folder=folder)


def bert(folder: Path, *, labels: tuple[str, ...], alphabet: str = LETTERS, **more: Any) -> Path:
    """BERT with a word-piece vocabulary of letters, or of Chinese characters."""
    from transformers import BertConfig, BertForSequenceClassification

    size = write_bert_tokeniser(folder, alphabet=alphabet)
    config = BertConfig(vocab_size=size, max_position_embeddings=512, **SIZES, **labelled(labels, **more))
    return save(BertForSequenceClassification, config, folder=folder)


def write_bert_tokeniser(folder: Path, *, alphabet: str = LETTERS) -> int:
    """vocab.txt and its configuration; how many ids there are."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *alphabet,
        *(f"##{c}" for c in alphabet),
        *"!?.,@[]",
    ]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(pieces)) + "\n", encoding="utf-8")
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512},
    )
    return len(dict.fromkeys(pieces))


def write_json(path: Path, body: dict[str, Any]) -> None:
    """One file."""
    path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")


def edit_json(path: Path, **changes: Any) -> None:
    """Set keys of a file; None removes one."""
    body = json.loads(path.read_text(encoding="utf-8")) | changes
    write_json(path, {key: value for key, value in body.items() if value is not None})


def spec(folder: Path, **more: Any) -> HubSpec:
    """A user's own model in this folder."""
    return HubSpec(**({"name": "mine", "source": str(folder), "languages": ("en",)} | more))


SUBJECTS = ("my neighbour", "the whole town", "our little dog", "that landlord", "the new nurse", "we all")
EVENTS = (
    "laughed until it hurt",
    "cried all evening",
    "screamed at us",
    "came at noon",
    "gave me a fright",
    "ok",
)


def made_up(n: int = 60) -> list[str]:
    """Different posts of very different lengths."""
    return [f"{SUBJECTS[i % 6]} {EVENTS[i % 5]} " * (1 + i % 4) + f"{i}!" for i in range(n)]
