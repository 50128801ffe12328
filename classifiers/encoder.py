"""The MiniLM encoder with a multi-label head in plain torch: the reference for every faster form of it.

Not the default at run time: `engine` prefers the int8 graph. Parameter names are those of the pretrained file.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Sizes of all-MiniLM-L6-v2."""

    vocabulary: int = 30_522
    positions: int = 512
    hidden: int = 384
    inner: int = 1_536
    heads: int = 12
    layers: int = 6


class Embeddings(nn.Module):
    """Token, position and type embeddings, summed and normalised."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(shape.vocabulary, shape.hidden)
        self.position_embeddings = nn.Embedding(shape.positions, shape.hidden)
        self.token_type_embeddings = nn.Embedding(2, shape.hidden)
        self.LayerNorm = nn.LayerNorm(shape.hidden, eps=1e-12)

    def forward(self, words: Tensor) -> Tensor:
        """Word vectors (batch, tokens, hidden) → the vectors that the first layer reads."""
        positions = self.position_embeddings.weight[: words.shape[1]]
        return self.LayerNorm(words + positions + self.token_type_embeddings.weight[0])


class SelfAttention(nn.Module):
    """Multi-head attention without its output projection."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query = nn.Linear(shape.hidden, shape.hidden)
        self.key = nn.Linear(shape.hidden, shape.hidden)
        self.value = nn.Linear(shape.hidden, shape.hidden)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        scores = q @ k.transpose(-1, -2) / (q.shape[-1] ** 0.5) + bias
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class ResidualOutput(nn.Module):
    """Projection, dropout, residual, normalisation."""

    def __init__(self, inputs: int, *, hidden: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(residual + self.dropout(self.dense(x)))


class Attention(nn.Module):
    """Attention with its output block."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.add_module("self", SelfAttention(shape))
        self.output = ResidualOutput(shape.hidden, hidden=shape.hidden)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return self.output(self.get_submodule("self")(x, bias), x)


class Intermediate(nn.Module):
    """The widening half of the feed-forward block."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.dense = nn.Linear(shape.hidden, shape.inner)

    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(self.dense(x))


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention = Attention(shape)
        self.intermediate = Intermediate(shape)
        self.output = ResidualOutput(shape.inner, hidden=shape.hidden)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        attended = self.attention(x, bias)
        return self.output(self.intermediate(attended), attended)


class Stack(nn.Module):
    """The transformer layers in order."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        for layer in self.layer:
            x = layer(x, bias)
        return x


class EncoderNet(nn.Module):
    """ids, mask of shape (batch, tokens) → logits of shape (batch, measures); mean pooling over real tokens."""

    def __init__(self, n_measures: int, *, shape: Shape | None = None) -> None:
        super().__init__()
        sizes = shape or Shape()
        self.embeddings = Embeddings(sizes)
        self.encoder = Stack(sizes)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(sizes.hidden, n_measures)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.from_words(self.embeddings.word_embeddings(ids), mask)

    def from_words(self, words: Tensor, mask: Tensor) -> Tensor:
        """The same from word vectors of shape (batch, tokens, hidden)."""
        return self.head(self.dropout(self._pooled(words, mask)))

    def _pooled(self, words: Tensor, mask: Tensor) -> Tensor:
        """Sentence vectors of shape (batch, hidden)."""
        real = mask.to(torch.float32)
        bias = (real - 1.0)[:, None, None, :] * 10_000.0
        tokens = self.encoder(self.embeddings(words), bias)
        weights = real[:, :, None]
        return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1.0)


class FromWords(nn.Module):
    """The network from its word vectors on: what the int8 graph is made of."""

    def __init__(self, net: EncoderNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        return self.net.from_words(words, mask)


def pretrained(encoder_weights: Path, *, n_measures: int) -> EncoderNet:
    """The published encoder under a fresh head, in evaluation mode."""
    net = EncoderNet(n_measures)
    wanted = net.state_dict()
    weights = {name: value for name, value in load_file(encoder_weights).items() if name in wanted}
    net.load_state_dict(weights, strict=False)
    return net.eval()
