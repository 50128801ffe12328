"""Reddit's API through PRAW: the newest submissions and comments of named subreddits, and which of them are gone.

Not for the past: a listing ends after about a thousand entries, and a dump (`reddit_dump`) holds what lies behind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from flows.sources.connector import Asking, Span, host_of, utc
from flows.sources.patience import Trouble, http_trouble
from flows.sources.recent import Recent
from warehouse.config import credential, credential_names
from warehouse.errors import ConfigError
from warehouse.intake.pages import Cursor, Page, Record
from warehouse.intake.shapes import reddit

PAGE = 100
WEB, API = "https://www.reddit.com", "https://oauth.reddit.com"
AGENT = "python:affectcast:0.1 (population-level research; no account is followed)"
# A listing ends after about a thousand entries.
LISTED = 900


class Reddit:
    """A stream per subreddit and listing: `name submissions`, `name comments`."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        name = asking.source.name
        self.id, self.secret = credential(name, "client_id"), credential(name, "client_secret")
        if self.id is None or self.secret is None:
            wanted = " and ".join(credential_names(name, key)[0] for key in ("client_id", "client_secret"))
            raise ConfigError(
                f"source '{name}': Reddit needs the id and secret of an application. Set {wanted} (or each with _FILE "
                "to the path of a file); see docs/sources.md."
            )
        self.server = asking.source.fetch.servers[0].rstrip("/") if asking.source.fetch.servers else ""
        self._reddit: Any = None

    def streams(self) -> list[str]:
        fetch = self.asking.source.fetch
        listings = ["submissions"] + ["comments"] * fetch.comments
        return [
            f"{name.removeprefix('r/')} {listing}"
            for name in dict.fromkeys(fetch.subreddits)
            for listing in listings
        ]

    def reach(self) -> str:
        self._listing(self.streams()[0], limit=1, after=None)
        return f"{host_of(self.server or API)} answers a listing"

    def close(self) -> None:
        if self._reddit is not None:
            self._reddit._core.close()

    def pages(self, stream: str, *, cursor: Cursor | None, span: Span) -> Iterator[Page]:
        """From the newest entry back to the newest one of the run before. A walk that was stopped is finished first."""
        walk = _Walk(**{name: value for name, value in (cursor or {}).items() if name != "recent"})
        kept = (cursor or {}).get("recent")
        recent = Recent(kept, days=self.asking.source.fetch.recheck_days, now=span.end)
        unfinished = walk.after is not None
        for _ in range(1 + unfinished):
            more = True
            while more:
                walk, more, ready = self._step(stream, walk=walk, span=span)
                recent.add((str(one["name"]), str(one["name"]), _when(one)) for one in ready)
                newest = max((when for one in ready if (when := _when(one))), default=None)
                records = [reddit(one) for one in ready]
                yield Page(records=records, cursor=walk.kept(recent), position=newest)
        yield from self._deletions(walk, recent=recent)

    def _step(self, stream: str, *, walk: _Walk, span: Span) -> tuple[_Walk, bool, list[Record]]:
        """One page of a listing: where the walk is then, whether it goes on, and the entries to take in."""
        entries, after = self._listing(stream, limit=PAGE, after=walk.after)
        known = [one for one in entries if _is_known(one, walk=walk, span=span)]
        ready = [one for one in entries if one not in known and not _is_later(one, span=span)]
        top = max([walk.top, *map(_number, ready)])
        walked = walk.walked + len(entries)
        if after and not known:
            return _Walk(read=walk.read, top=top, after=after, walked=walked), True, ready
        if walk.read and not known and walked >= LISTED:
            self.asking.note(
                f"{stream}: more was written than a listing holds, so that posts are missed: run more often"
            )
        return _Walk(read=max(top, walk.read)), False, ready

    def _deletions(self, walk: _Walk, *, recent: Recent) -> Iterator[Page]:
        """Posts of the last days whose words are gone."""
        for part in recent.parts(PAGE):
            found = self._ask(
                lambda client, names=tuple(part): [_entry(one) for one in client.info(fullnames=list(names))]
            )
            there = {
                str(one["name"])
                for one in found
                if reddit(one)["text"] and not one.get("removed_by_category")
            }
            gone = [name for name in part if name not in there]
            # Deleted posts are listed too, as such: where nothing is, the listing is at fault and not every author.
            if found and gone:
                deleted = tuple(recent.drop(name) for name in gone)
                yield Page(cursor=walk.kept(recent), deleted=deleted)

    def _listing(self, stream: str, *, limit: int, after: str | None) -> tuple[list[Record], str | None]:
        name, listing = stream.split(" ")
        path = f"r/{name}/{'new' if listing == 'submissions' else 'comments'}"
        params: dict[str, Any] = {"limit": limit, "raw_json": 1} | ({"after": after} if after else {})

        def question(client: Any) -> tuple[list[Record], str | None]:
            found = client.get(path, params=params)
            return [_entry(one) for one in found], found.after

        answer: tuple[list[Record], str | None] = self._ask(question)
        return answer

    def _ask(self, question: Callable[..., Any]) -> Any:
        return self.asking.patience.ask(lambda: question(self._connected()), explain=explain)

    def _connected(self) -> Any:
        if self._reddit is None:
            import praw

            assert self.id is not None
            assert self.secret is not None
            self._reddit = praw.Reddit(
                client_id=self.id.get_secret_value(), client_secret=self.secret.get_secret_value(), user_agent=AGENT,
                reddit_url=self.server or WEB, oauth_url=self.server or API, check_for_updates=False,
                check_for_async=False, timeout=self.asking.source.fetch.timeout_seconds,
            )  # fmt: skip
        return self._reddit


@dataclass(frozen=True, kw_only=True)
class _Walk:
    """Entries up to number `read` were taken in; of a walk under way, the newest seen, where it is, how long it is."""

    read: int = 0
    top: int = 0
    after: str | None = None
    walked: int = 0

    def kept(self, recent: Recent) -> Cursor:
        return asdict(self) | {"recent": recent.kept()}


def _is_known(entry: Record, *, walk: _Walk, span: Span) -> bool:
    """Read before or, where nothing was, older than what is wanted."""
    when = _when(entry)
    return _number(entry) <= walk.read or (not walk.read and when is not None and when < span.first)


def _is_later(entry: Record, *, span: Span) -> bool:
    when = _when(entry)
    return when is not None and when >= span.end


def _number(entry: Record) -> int:
    """Reddit's ids count up, in base 36."""
    return int(str(entry["id"]), 36)


def _when(entry: Record) -> dt.datetime | None:
    return utc(reddit(entry)["created_at"])


def _entry(thing: Any) -> Record:
    """What a PRAW object was told, without asking for more; as in a dump."""
    told = vars(thing)
    plain = {name: told.get(name) for name in _FIELDS if name in told}
    author, subreddit = told.get("author"), told.get("subreddit")
    return plain | {
        "name": thing.fullname,
        "author": getattr(author, "name", None),
        "subreddit": getattr(subreddit, "display_name", None),
    }


_FIELDS = ("id", "created_utc", "title", "selftext", "body", "parent_id", "link_id", "removed_by_category")


# ---------------------------------------------------------------------------------------------- errors


def explain(error: Exception) -> Trouble | None:
    """What an error of PRAW means; None for one that is not the platform's."""
    from praw.exceptions import PRAWException
    from prawcore import exceptions

    if isinstance(error, exceptions.TooManyRequests):
        wait = str(error.retry_after or "")
        return http_trouble(429, wait=float(wait) if wait.replace(".", "", 1).isdigit() else None)
    if isinstance(error, exceptions.OAuthException):
        return http_trouble(401)
    if isinstance(error, exceptions.BadJSON):
        return http_trouble(None)
    if isinstance(error, exceptions.Redirect | exceptions.NotFound):
        return Trouble(says="Reddit does not know a subreddit", do="Check the names in fetch.subreddits.")
    if isinstance(error, exceptions.ResponseException):
        return http_trouble(error.response.status_code)
    passing = exceptions.PrawcoreException | PRAWException | ValueError | KeyError | AttributeError
    return http_trouble(None) if isinstance(error, passing) else None
