"""Keep a fine-tuned encoder as small differences from the published one: four bits a number, scaled in groups.

Not a training method: the encoder is tuned in full and its change is compressed afterwards. A low-rank form of the
same size loses more, because the change of a fully tuned network has no small rank.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from classifiers.encoder import EncoderNet, pretrained

GROUP = 64
LEVELS = 7


def delta_of(tuned: EncoderNet, *, base: EncoderNet) -> dict[str, Tensor]:
    """Per changed matrix `name.packed` (uint8, two numbers a byte) and `name.scale` (half precision, one a group).

    Per changed vector `name.add`, and the head whole as `name.set`.
    """
    before = base.state_dict()
    parts: dict[str, Tensor] = {}
    for name, value in tuned.state_dict().items():
        change = value.float() - before[name].float()
        if name.startswith("head."):
            parts[f"{name}.set"] = value.to(torch.float16).contiguous()
        elif change.abs().max() > 0:
            parts |= _compress(name, change)
    return parts


def save_delta(parts: dict[str, Tensor], *, path: Path) -> None:
    """Write the differences as safetensors, readable by everyone as other package files are."""
    save_file(parts, path)
    path.chmod(0o644)


def tuned_from(encoder_weights: Path, *, delta: Path) -> EncoderNet:
    """The published encoder with the stored differences applied, in evaluation mode."""
    parts = load_file(delta)
    return apply_delta(pretrained(encoder_weights, n_measures=len(parts["head.bias.set"])), parts=parts)


def apply_delta(base: EncoderNet, *, parts: dict[str, Tensor]) -> EncoderNet:
    """Add the differences to `base` in place; the head is replaced."""
    state = base.state_dict()
    for name, value in parts.items():
        target, kind = name.rsplit(".", 1)
        if kind == "set":
            state[target] = value.float()
        elif kind == "add":
            state[target] = state[target] + value.float()
        elif kind == "packed":
            change = unpack(value, scale=parts[f"{target}.scale"])
            state[target] = state[target] + change.view_as(state[target])
    base.load_state_dict(state)
    return base


def pack(values: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers, whose count is a multiple of 64, as (uint8 of half that count, half-precision scales per group)."""
    groups = values.reshape(-1, GROUP)
    scale = (groups.abs().amax(1, keepdim=True) / LEVELS).clamp(min=1e-6).to(torch.float16)
    nibbles = (groups / scale.float()).round().clamp(-LEVELS, LEVELS).add(8).to(torch.uint8).reshape(-1, 2)
    return nibbles[:, 0] | (nibbles[:, 1] << 4), scale.flatten()


def unpack(packed: Tensor, *, scale: Tensor) -> Tensor:
    """The flat float32 numbers that `pack` was given, to within half a step of their group."""
    nibbles = torch.stack([packed & 15, packed >> 4], dim=1).float() - 8
    return (nibbles.reshape(-1, GROUP) * scale.float()[:, None]).flatten()


def _compress(name: str, change: Tensor) -> dict[str, Tensor]:
    if change.ndim < 2 or change.numel() % GROUP:
        return {f"{name}.add": change.to(torch.float16).contiguous()}
    packed, scale = pack(change)
    return {f"{name}.packed": packed, f"{name}.scale": scale}
