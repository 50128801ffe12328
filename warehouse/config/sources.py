"""Where posts come from, and in which shape: `[[sources]]` and its parts. Not for reading or fetching anything."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from warehouse.config.base import Positive, Section

Kind = Literal[
    "files",
    "drop_folder",
    "reddit_dump",
    "x",
    "telegram",
    "reddit",
    "bluesky",
    "jetstream",
    "mastodon",
]
# Kinds that ask a platform; all others read files.
PLATFORMS = ("reddit", "bluesky", "jetstream", "mastodon")
_REDDIT = ("post_id", "author", "parent_id", "thread_id", "community", "kind")
_BLUESKY = ("post_id", "author", "parent_id", "thread_id", "reply_to_author", "quoted_id", "kind", "lang")
# What a record of a known shape says, by kind; `intake/shapes.py` and the connectors yield it.
SHAPED: dict[str, tuple[str, ...]] = {
    "reddit_dump": _REDDIT,
    "reddit": _REDDIT,
    "x": ("post_id", "author", "parent_id", "thread_id", "reply_to_author", "quoted_id", "kind", "lang"),
    "telegram": ("post_id", "author", "parent_id", "community", "kind"),
    "bluesky": _BLUESKY,
    "jetstream": _BLUESKY,
    "mastodon": ("post_id", "author", "parent_id", "reply_to_author", "kind", "lang"),
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ColumnsConfig(Section):
    """Which column of the source holds what; a field left out does not exist in the source."""

    text: str = "text"
    created_at: str = "created_at"
    post_id: str | None = None
    author: str | None = None
    parent_id: str | None = None
    thread_id: str | None = None
    reply_to_author: str | None = None
    quoted_id: str | None = None
    place: str | None = None
    community: str | None = None
    kind: str | None = None
    lang: str | None = None
    age_band: str | None = None
    sex: str | None = None


class TimeConfig(Section):
    """How the source writes time. `format` is `iso`, `epoch_ms`, `epoch_s` or a strptime pattern.

    `zone` is that of dates without an offset and of the days that posts belong to; `place`: a post's day is that of
    its own place, and dates without an offset are UTC.
    """

    format: str = "iso"
    zone: str = "UTC"
    precision: Literal["second", "day"] = "second"
    earliest: dt.date = dt.date(2004, 1, 1)

    @property
    def clock(self) -> str:
        """The zone of a date without an offset."""
        return "UTC" if self.by_place else self.zone

    @property
    def by_place(self) -> bool:
        return self.zone == "place"

    @model_validator(mode="after")
    def a_day_has_no_clock(self) -> TimeConfig:
        if self.by_place and self.precision == "day":
            raise ValueError(
                "zone 'place' needs clock times: a source of whole days has the zone it was made in"
            )
        return self


class PlaceConfig(Section):
    """Where posts come from: one fixed place, or the free text of the `place` column."""

    geo_type: Literal["nation", "region", "none"] = "none"
    geo_value: str = ""
    countries: tuple[str, ...] = ()

    @model_validator(mode="after")
    def value_goes_with_type(self) -> PlaceConfig:
        if (self.geo_type == "none") != (self.geo_value == ""):
            raise ValueError("geo_type and geo_value go together: leave out both, or set both")
        return self


class FetchConfig(Section):
    """What is asked of a platform, and how much. What is asked for is recorded: another question is a break."""

    queries: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    public: bool = False
    local: bool = False
    subreddits: tuple[str, ...] = ()
    comments: bool = True
    servers: tuple[str, ...] = ()
    lookback_days: Positive = 1
    recheck_days: int = Field(default=0, ge=0, le=30)
    max_records: Positive = 100_000
    listen_seconds: Positive = 600
    wait_seconds: int = Field(default=900, ge=0)
    timeout_seconds: Positive = 30
    plain_http_on_loopback: bool = False

    @model_validator(mode="after")
    def servers_are_safe(self) -> FetchConfig:
        for server in self.servers:
            parts = urlsplit(server)
            plain = self.plain_http_on_loopback and parts.scheme in {"http", "ws"}
            safe = parts.scheme in {"https", "wss"} or (plain and parts.hostname in LOOPBACK)
            if not safe or not parts.hostname or parts.username or parts.password:
                raise ValueError(
                    "servers: expected addresses that start with https:// (wss:// for jetstream), without a name or "
                    "password in them"
                )
        return self

    def asked(self, kind: str) -> str:
        """What selects posts, as JSON that is the same for the same question."""
        names = ("queries", "hashtags", "public", "local", "subreddits", "comments", "servers")
        said = {name: getattr(self, name) for name in names}
        said |= {name: sorted(value) for name, value in said.items() if isinstance(value, tuple)}
        return json.dumps({"kind": kind} | said, sort_keys=True, ensure_ascii=False)


class SourceConfig(Section):
    """Posts of one kind: a file, a pattern or a folder of files in one shape, or what a platform is asked for."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Kind = "files"
    path: str = ""
    format: Literal["auto", "csv", "tsv", "jsonl", "parquet"] = "auto"
    delimiter: str | None = Field(default=None, pattern=r'^[^"\r\n ]$')
    encoding: str = "utf-8"
    columns: ColumnsConfig = ColumnsConfig()
    time: TimeConfig = TimeConfig()
    place: PlaceConfig = PlaceConfig()
    lang: str = Field(default="auto", pattern=r"^(auto|[a-z]{2})$")
    languages: tuple[str, ...] = ("en", "es", "pt", "fr", "de", "it")
    kinds: dict[str, Literal["original", "reply", "repost", "quote", "comment"]] = Field(default_factory=dict)
    ids_unique: bool = True
    max_text_chars: Positive = 40_000
    fetch: FetchConfig = FetchConfig()

    @property
    def is_platform(self) -> bool:
        return self.kind in PLATFORMS

    @property
    def ids_keyed(self) -> bool:
        """Whether its post ids name the author, so that only keyed hashes of them are kept."""
        return self.kind in {"bluesky", "jetstream"}

    @property
    def ids_hashed(self) -> bool:
        """Whether its post ids are hashes of the records, because the source has none that can be relied on."""
        return self.columns.post_id is None or not self.ids_unique

    @model_validator(mode="before")
    @classmethod
    def a_known_shape_brings_its_columns(cls, data: Any) -> Any:
        """The fields of kinds whose records we know; a mapping of the user's own would fit none of them."""
        if not isinstance(data, dict) or data.get("kind") not in SHAPED:
            return data
        own = {name: name for name in SHAPED[data["kind"]]}
        given = data.get("columns", own)
        if given not in (own, ColumnsConfig(**own), ColumnsConfig(**own).model_dump()):
            raise ValueError(f"kind '{data['kind']}' knows its own columns: leave out [sources.columns]")
        return data | {"columns": own}

    @model_validator(mode="after")
    def a_path_or_a_platform(self) -> SourceConfig:
        if self.is_platform and self.path:
            raise ValueError(f"kind '{self.kind}' asks a platform: leave out path")
        if not self.is_platform and not self.path:
            raise ValueError(f"kind '{self.kind}' reads files: set path")
        if self.is_platform:
            self._check_fetch()
        elif self.fetch != FetchConfig():
            raise ValueError(f"kind '{self.kind}' reads files: leave out [sources.fetch]")
        if self.kind in SHAPED and (self.time.format != "iso" or self.time.precision != "second"):
            raise ValueError(f"kind '{self.kind}' knows how its times are written: leave out time.format")
        return self

    def _check_fetch(self) -> None:
        fetch = self.fetch
        lacks = {
            "reddit": not fetch.subreddits and "subreddits",
            "bluesky": not fetch.queries and "queries",
            "mastodon": (not (fetch.hashtags or fetch.public) and "hashtags, or public = true")
            or (not fetch.servers and "servers"),
        }.get(self.kind)
        if lacks:
            raise ValueError(f"kind '{self.kind}' needs fetch.{lacks}")
        if self.kind != "mastodon" and len(fetch.servers) > 1:
            raise ValueError(f"kind '{self.kind}' asks one server")

    @model_validator(mode="after")
    def days_of_places_need_places(self) -> SourceConfig:
        if self.time.by_place and self.columns.place is None and self.place.geo_type == "none":
            raise ValueError("time.zone 'place' needs to know places: set columns.place, or [sources.place]")
        return self
