"""Which connector a kind of source has. Each is imported where it is needed only: their clients are slow to load."""

from __future__ import annotations

from flows.sources.connector import Asking, Connector
from warehouse.errors import ConfigError


def connector(asking: Asking) -> Connector:
    """The connector of a source; `ConfigError` where its client is not installed or a credential is missing."""
    kind = asking.source.kind
    try:
        return _make(asking)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"source '{asking.source.name}': kind '{kind}' needs the package {error.name}. Install it with "
            "`pip install --constraint constraints.txt 'affectcast[platforms]'`."
        ) from error


def _make(asking: Asking) -> Connector:
    if asking.source.kind == "bluesky":
        from flows.sources.bluesky import Bluesky

        return Bluesky(asking)
    if asking.source.kind == "jetstream":
        from flows.sources.jetstream import Jetstream

        return Jetstream(asking)
    if asking.source.kind == "mastodon":
        from flows.sources.mastodon import Mastodon

        return Mastodon(asking)
    from flows.sources.reddit import Reddit

    return Reddit(asking)
