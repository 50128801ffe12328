"""Mastodon through Mastodon.py: hashtag and public timelines of one or several instances, oldest post first.

Not for boosts, which no such timeline holds, nor for posts that are not public.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

from flows.sources.connector import Asking, Span, host_of
from flows.sources.patience import Trouble, http_trouble
from flows.sources.recent import Recent
from warehouse.config import credential
from warehouse.intake.pages import Cursor, Page, Record

PAGE = 40
_TOKEN = "access_token"
AHEAD = dt.timedelta(hours=1)
STATUSES_AT_ONCE = 20


class Mastodon:
    """A stream per instance and timeline: `https://host public`, `https://host #tag`."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.token = credential(asking.source.name, _TOKEN)
        self._clients: dict[str, Any] = {}

    def streams(self) -> list[str]:
        fetch = self.asking.source.fetch
        timelines = ["public"] * fetch.public + [f"#{tag.lstrip('#')}" for tag in fetch.hashtags]
        return [
            f"{server.rstrip('/')} {line}" for server in dict.fromkeys(fetch.servers) for line in timelines
        ]

    def reach(self) -> str:
        first: dict[str, str] = {}
        for stream in self.streams():
            first.setdefault(*stream.split(" ", 1))
        for server, line in first.items():
            self._page(server, line, min_id=0)
        hosts = sorted(map(host_of, first))
        return f"{', '.join(hosts)} answer{'s' if len(hosts) == 1 else ''}"

    def close(self) -> None:
        for client in self._clients.values():
            client.session.close()

    def pages(self, stream: str, *, cursor: Cursor | None, span: Span) -> Iterator[Page]:
        server, line = stream.split(" ", 1)
        state = cursor or {"min_id": str(_snowflake(span.first))}
        recent = Recent(state.get("recent"), days=self.asking.source.fetch.recheck_days, now=span.end)
        newest = int(state["min_id"])
        while statuses := self._page(server, line, min_id=newest):
            ready = self._ready(statuses, end=span.end)
            if ready:
                newest = int(str(ready[-1]["id"]))
                host = host_of(server)
                recent.add((str(one["id"]), _post_id(one, host=host), _created(one)) for one in ready)
                yield Page(
                    records=[post_of_status(one, host=host) for one in ready],
                    cursor={"min_id": str(newest), "recent": recent.kept()},
                    position=min(_created(ready[-1]) or span.end, span.end),
                )
            if len(ready) < len(statuses):
                break
        yield from self._deletions(server, min_id=newest, recent=recent)

    def _ready(self, statuses: list[Any], *, end: dt.datetime) -> list[Any]:
        """Those before the first that waits for a later run, being of after this one's end. One that is dated far
        ahead of our own clock was written by a wrong one and does not hold up the others."""
        latest = self.asking.clock.now() + AHEAD
        waits = [(created := _created(one)) is not None and end <= created <= latest for one in statuses]
        return statuses[: waits.index(True)] if any(waits) else statuses

    def _page(self, server: str, line: str, *, min_id: int) -> list[Any]:
        local = self.asking.source.fetch.local
        more: dict[str, Any] = {"min_id": min_id, "limit": PAGE} | ({"local": True} if local else {})

        def question(client: Any) -> Any:
            tag = line.removeprefix("#")
            found = (
                client.timeline_public(**more) if line == "public" else client.timeline_hashtag(tag, **more)
            )
            if not all(str(status["id"]).isdigit() for status in found):
                raise _OtherIdsError
            return sorted(found, key=lambda status: int(str(status["id"])))

        return [status for status in self._ask(server, question) if int(str(status["id"])) > min_id]

    def _deletions(self, server: str, *, min_id: int, recent: Recent) -> Iterator[Page]:
        """Posts of the last days that the instance no longer shows; each is asked for by itself before it goes."""
        for part in recent.parts(STATUSES_AT_ONCE):
            there = self._shown(server, names=part)
            gone = [name for name in part if name not in there and self._is_gone(server, name)]
            if gone:
                deleted = tuple(recent.drop(name) for name in gone)
                yield Page(cursor={"min_id": str(min_id), "recent": recent.kept()}, deleted=deleted)

    def _shown(self, server: str, *, names: list[str]) -> set[str]:
        """Those that the instance shows; none where it is too old to be asked for several at once."""
        from mastodon import MastodonNotFoundError

        def question(client: Any) -> set[str]:
            try:
                return {str(status["id"]) for status in client.statuses(list(names))}
            except MastodonNotFoundError:
                return set()

        found: set[str] = self._ask(server, question)
        return found

    def _is_gone(self, server: str, name: str) -> bool:
        from mastodon import MastodonNotFoundError

        def question(client: Any) -> bool:
            try:
                client.status(name)
            except MastodonNotFoundError:
                return True
            return False

        return bool(self._ask(server, question))

    def _ask(self, server: str, question: Callable[..., Any]) -> Any:
        from mastodon.errors import MastodonWarning

        client = self._client(server)

        def quiet() -> Any:
            with warnings.catch_warnings():
                # That a timeline may be closed is said by the answer itself.
                warnings.simplefilter("ignore", MastodonWarning)
                return question(client)

        now = self.asking.clock.now
        return self.asking.patience.ask(quiet, explain=lambda error: explain(error, client=client, now=now()))

    def _client(self, server: str) -> Any:
        if server not in self._clients:
            from mastodon import Mastodon as Client

            token = self.token.get_secret_value() if self.token else None
            self._clients[server] = Client(
                api_base_url=server, access_token=token, ratelimit_method="throw", version_check_mode="none",
                request_timeout=self.asking.source.fetch.timeout_seconds,
            )  # fmt: skip
        return self._clients[server]


def _snowflake(when: dt.datetime) -> int:
    """The id that a post of this moment would have."""
    return int(when.timestamp() * 1000) << 16


def _created(status: Any) -> dt.datetime | None:
    found = status.get("created_at")
    if not isinstance(found, dt.datetime):
        return None
    return found.replace(tzinfo=found.tzinfo or dt.UTC).astimezone(dt.UTC)


class _OtherIdsError(Exception):
    """Post ids that are no numbers cannot be put in order."""


# --------------------------------------------------------------------------------------------- records


def post_of_status(status: Any, *, host: str) -> Record:
    """A status in our field names; the same post has the same id on whichever instance it was seen."""
    account, created = status.get("account") or {}, _created(status)
    parent, whom = status.get("in_reply_to_id"), status.get("in_reply_to_account_id")
    answered = next((one for one in status.get("mentions") or [] if str(one.get("id")) == str(whom)), None)
    return {
        "text": plain_text(status.get("content") or ""),
        "created_at": created.isoformat() if created else None,
        "post_id": _post_id(status, host=host),
        "author": _name(account.get("acct"), host=host),
        # Ids of other instances' posts are this instance's own, so that only a local parent can be named.
        "parent_id": f"{host}/{parent}" if parent else None,
        "reply_to_author": _name(answered.get("acct"), host=host) if answered else None,
        "kind": "reply" if parent else "original",
        "lang": status.get("language"),
    }


def _name(acct: str | None, *, host: str) -> str | None:
    return acct if not acct or "@" in acct else f"{acct}@{host}"


def _post_id(status: Any, *, host: str) -> str:
    """Where the post was written, and its id there; the address itself would name the author."""
    uri = str(status.get("uri") or "")
    origin, last = host_of(uri), uri.rstrip("/").rsplit("/", 1)[-1]
    return f"{origin}/{last}" if origin and last else f"{host}/{status['id']}"


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in {"br", "p"} and self.parts:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def plain_text(html: str) -> str:
    """The words of a status without its markup."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    return "".join(reader.parts).strip()


# ---------------------------------------------------------------------------------------------- errors


def explain(error: Exception, *, client: Any, now: dt.datetime) -> Trouble | None:
    """What an error of Mastodon.py means; None for one that is not the platform's."""
    from mastodon import MastodonAPIError, MastodonError, MastodonNetworkError, MastodonRatelimitError

    if isinstance(error, _OtherIdsError):
        return Trouble(
            says="the posts of an instance have no numbers for ids",
            do="Only servers that number posts as Mastodon does can be read: take another one.",
        )
    if isinstance(error, MastodonRatelimitError):
        reset = client.ratelimit_reset
        return http_trouble(429, wait=max(0.0, reset - now.timestamp()) if reset else None)
    if isinstance(error, MastodonNetworkError):
        return http_trouble(None)
    if isinstance(error, MastodonAPIError):
        # An answer that is cut off is an error of this kind too, without a status.
        status = next((part for part in error.args if isinstance(part, int)), None)
        return http_trouble(status)
    if isinstance(error, MastodonError):
        return http_trouble(400)
    return http_trouble(None) if isinstance(error, ValueError | KeyError | TypeError) else None
