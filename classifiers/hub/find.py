"""Where a model's files are on this machine, and the one function that downloads them.

Scoring never downloads: what is not in the local cache is missing, with the command that brings it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from classifiers.hub.spec import FETCH, HubSpec
from warehouse.errors import MissingModelError

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

PATTERNS = ["*.json", "*.txt", "*.model", "*.codes", "*.safetensors"]
PICKLES = ["pytorch_model*.bin"]


def is_hub_id(source: str) -> bool:
    """Whether a source reads as `owner/name` and is no folder here."""
    return source.count("/") == 1 and not source.startswith((".", "/", "~")) and not Path(source).exists()


def model_folder(spec: HubSpec) -> Path:
    """The folder with the model's files. Raises MissingModelError with the next step."""
    if not is_hub_id(spec.source):
        return _own_folder(spec)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(spec.source, revision=spec.revision, local_files_only=True))
    except IncompleteSnapshotError as error:
        # Not every file of a repository is wanted; those that are, are looked for one by one later.
        folder = Path(error.snapshot_path)
    except LocalEntryNotFoundError as error:
        raise MissingModelError(not_here(spec)) from error
    except HFValidationError as error:
        raise MissingModelError(f"{spec.where}: {spec.source!r} is no hub id; expected owner/name") from error
    if not (folder / "config.json").is_file():
        raise MissingModelError(not_here(spec))
    return folder


def not_here(spec: HubSpec) -> str:
    """What to do about a model that is not in the local cache."""
    access = f" It is gated: {_access(spec)}" if spec.gated else ""
    return (
        f"{spec.where} at {spec.revision} is not in the local cache, and scoring downloads nothing.{access} "
        f"Fetch it once: {FETCH} {spec.name}"
    )


def fetch(spec: HubSpec) -> Path:
    """Download the model's files at its revision into the local cache; the folder they are in.

    Raises MissingModelError: offline, gated, no such model or revision, no safe weights, connection lost.
    """
    from huggingface_hub import constants, list_repo_files, snapshot_download
    from huggingface_hub import errors as hub

    if not is_hub_id(spec.source):
        return _own_folder(spec)
    if constants.is_offline_mode():
        raise MissingModelError(f"{spec.where}: the hub is switched off. Go online once: {FETCH} {spec.name}")
    try:
        safe = any(
            name.endswith(".safetensors") for name in list_repo_files(spec.source, revision=spec.revision)
        )
        if not safe and not spec.allow_pickle:
            raise MissingModelError(only_pickles(spec))
        wanted = PATTERNS if safe else PATTERNS + PICKLES
        return Path(snapshot_download(spec.source, revision=spec.revision, allow_patterns=wanted))
    except hub.HfHubHTTPError as error:
        raise MissingModelError(_explained(spec, error)) from error
    except (hub.LocalEntryNotFoundError, OSError) as error:
        raise MissingModelError(
            f"{spec.where}: the download did not finish ({type(error).__name__}). Check the connection and the free "
            f"space, and try again; what has arrived is kept: {FETCH} {spec.name}"
        ) from error


def only_pickles(spec: HubSpec) -> str:
    """What to do about weights in a format that can carry code."""
    return (
        f"{spec.where}: the weights are pickled (.bin), a format that can carry code; expected .safetensors. Look for "
        f'a safetensors copy (often revision = "refs/pr/1"), or, if you trust its authors, set allow_pickle = true '
        f"under [[score.models]] name = {spec.name!r}, and fetch it again."
    )


def _explained(spec: HubSpec, error: "HfHubHTTPError") -> str:
    from huggingface_hub import errors as hub

    status = getattr(error.response, "status_code", None)
    if isinstance(error, hub.GatedRepoError) or (status in {401, 403} and spec.gated):
        return f"{spec.where} is gated: {_access(spec)} Then: {FETCH} {spec.name}"
    if isinstance(error, hub.RevisionNotFoundError):
        return f"{spec.where}: there is no revision {spec.revision!r}; name a branch or commit that the hub shows."
    if isinstance(error, hub.RepositoryNotFoundError) or status in {401, 403, 404}:
        # The hub answers 401 for names it does not know, too.
        return (
            f"{spec.where}: the hub has no such model, or it is private. Check owner and name; for a private one, log "
            "in first: hf auth login"
        )
    return f"{spec.where}: the hub answered with an error (status {status}). Try again later."


def _access(spec: HubSpec) -> str:
    return (
        f"open https://huggingface.co/{spec.source}, log in, accept the conditions, and log in here with a token of "
        "yours: hf auth login."
    )


def _own_folder(spec: HubSpec) -> Path:
    folder = Path(spec.source).expanduser()
    if not folder.is_dir():
        raise MissingModelError(f"{spec.where}: no such folder, and no hub id of the form owner/name")
    if not (folder / "config.json").is_file():
        raise MissingModelError(
            f"{spec.where}: the folder has no config.json; expected one written by save_pretrained, with weights and "
            "tokeniser files beside it"
        )
    return folder
