"""Any transformers tokeniser as the engine wants it: windows of ids, every window with the model's special tokens.

Not for profiles: a text comes in as the model is to read it.
"""

from collections.abc import Sequence
from typing import Any

from classifiers.hub.load import Found
from classifiers.tokens import LENGTHS, Windows, joined

# What of a very long post is read at all, in tokens; whole numbers up to here are exact in half precision, too.
MOST_TOKENS = 2_048


def window_size(found: Found, tokenizer: Any) -> int:
    """Ids of one window, special ones among them: what was asked for, within what the model has positions for.

    It is one of the lengths that blocks are padded to, because padding takes positions too.
    """
    limits = [LENGTHS[-1], _positions(found.config), int(tokenizer.model_max_length)]
    asked = found.spec.max_tokens or found.card.max_tokens
    limit = min(limits + ([asked] if asked else []))
    return max((length for length in LENGTHS if length <= limit), default=LENGTHS[0])


def _positions(config: dict[str, Any]) -> int:
    """RoBERTa and its kin start counting behind the padding id, so that two of 514 positions are never used."""
    places = int(config.get("max_position_embeddings") or LENGTHS[-1])
    kin = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "roberta-prelayernorm", "mpnet", "longformer",
           "data2vec-text", "ibert", "esm", "xmod"}  # fmt: skip
    if config.get("model_type") in kin:
        return places - int(config.get("pad_token_id", 1)) - 1
    return places


class HubTokeniser:
    """Windows side by side, without overlap, up to `MOST_TOKENS`; the library's own tokeniser does the words."""

    def __init__(self, tokenizer: Any, *, window: int, max_windows: int = 0, vocabulary: int = 0) -> None:
        """`vocabulary`: how many ids the model has vectors for, 0 for as many as the tokeniser has. `max_windows`: 0
        for as many as hold `MOST_TOKENS`."""
        self.pad_id = int(tokenizer.pad_token_id)
        self.window, self.max_windows = window, max_windows or max(1, MOST_TOKENS // window)
        self._special = int(tokenizer.num_special_tokens_to_add())
        self._tokenizer = tokenizer
        # Longer texts are cut into windows here; the library would warn of each.
        tokenizer.model_max_length = 10**9
        self._fast = _truncating(tokenizer, window=window) if tokenizer.is_fast else None
        self._rows = vocabulary or len(tokenizer)
        self._unknown = int(
            tokenizer.unk_token_id if tokenizer.unk_token_id is not None else tokenizer.pad_token_id
        )
        self._beyond = max(tokenizer.get_vocab().values(), default=0) >= self._rows

    def windows(self, texts: Sequence[str]) -> Windows:
        """See `classifiers.tokens.Tokeniser`; a text without any token is one window of special tokens."""
        per_text = [self._by_hand(text) for text in texts] if self._fast is None else self._by_rust(texts)
        if self._beyond:
            # A special token that was never given a vector, such as a mask, written out in a post.
            per_text = [[self._known(ids) for ids in windows] for windows in per_text]
        return joined(per_text, special_tokens=self._special)

    def _known(self, ids: list[int]) -> list[int]:
        return [i if i < self._rows else self._unknown for i in ids]

    def _by_rust(self, texts: Sequence[str]) -> list[list[list[int]]]:
        assert self._fast is not None
        encoded = self._fast.encode_batch(list(texts))
        return [
            [first.ids, *(more.ids for more in first.overflowing[: self.max_windows - 1])]
            for first in encoded
        ]

    def _by_hand(self, text: str) -> list[list[int]]:
        ids = self._tokenizer.encode(text, add_special_tokens=False)
        size = self.window - self._special
        parts = [ids[first : first + size] for first in range(0, len(ids), size)] or [[]]
        return [self._tokenizer.build_inputs_with_special_tokens(part) for part in parts[: self.max_windows]]


def _truncating(tokenizer: Any, *, window: int) -> Any:
    fast = tokenizer.backend_tokenizer
    fast.no_padding()
    fast.enable_truncation(max_length=window)
    return fast
