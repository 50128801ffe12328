"""Bluesky's search through the atproto client: posts that match a query, slice of time by slice of time.

Not for live posts and deletions: `jetstream.py` follows those.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from flows.sources.connector import Asking, Span, host_of, utc
from flows.sources.patience import Trouble, http_trouble
from warehouse.config import credential
from warehouse.intake.pages import Cursor, Page, Record

PUBLIC, SIGNED_IN = "https://public.api.bsky.app", "https://bsky.social"
PAGE = 100
# A search lists only so many posts, so that it is put for a few hours at a time.
SLICE = dt.timedelta(hours=6)
# Posts are indexed a little after they are written: so far back each run looks again.
OVERLAP = dt.timedelta(minutes=10)
_POST = "/app.bsky.feed.post/"


class Bluesky:
    """`fetch.queries`, each a stream. With a handle and an app password it asks as that account."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.handle = credential(asking.source.name, "handle")
        self.password = credential(asking.source.name, "app_password")
        servers = asking.source.fetch.servers
        self.server = servers[0] if servers else SIGNED_IN if self.handle else PUBLIC
        self._client: Any = None

    def streams(self) -> list[str]:
        return list(dict.fromkeys(self.asking.source.fetch.queries))

    def reach(self) -> str:
        self._search({"q": self.streams()[0], "limit": 1})
        return f"{host_of(self.server)} answers a search"

    def close(self) -> None:
        if self._client is not None:
            self._client.request.close()

    def pages(self, stream: str, *, cursor: Cursor | None, span: Span) -> Iterator[Page]:
        state = cursor or {"since": span.first.isoformat()}
        since = utc(state["since"]) or span.first
        until, token = utc(state.get("until")), state.get("page")
        while since < span.end:
            until = until or min(since + SLICE, span.end)
            for content in self._slice(stream, since=since, until=until, token=token):
                token = content.get("cursor") if content["posts"] else None
                going_on = {"since": since.isoformat(), "until": until.isoformat(), "page": token}
                records = [post_of_view(view) for view in content["posts"]]
                yield Page(
                    records=records,
                    cursor=going_on if token else {"since": _behind(until, end=span.end).isoformat()},
                    position=None if token else until,
                )
            since, until, token = until, None, None

    def _slice(
        self, query: str, *, since: dt.datetime, until: dt.datetime, token: str | None
    ) -> Iterator[dict[str, Any]]:
        """The pages of one search, newest first, from a page on; from the first where that page is no more."""
        asked = {
            "q": query,
            "sort": "latest",
            "limit": PAGE,
            "since": _written(since),
            "until": _written(until),
        }
        fresh = token is None
        while True:
            content = self._search(asked | ({"cursor": token} if token else {}), or_none=not fresh)
            if content is None:
                token, fresh = None, True
                continue
            yield content
            fresh, before, token = True, token, content.get("cursor")
            if not token or not content["posts"] or token == before:
                return

    def _search(self, params: dict[str, Any], *, or_none: bool = False) -> Any:
        def question() -> dict[str, Any] | None:
            from atproto import models

            asked = {
                "params": models.AppBskyFeedSearchPosts.Params(**params),
                "output_encoding": "application/json",
            }
            try:
                # As it came: one odd post must not cost the whole page, as it would where the client reads them all.
                content = self._connected().invoke_query("app.bsky.feed.searchPosts", **asked).content
            except Exception as error:
                if or_none and _status(error) == 400:
                    return None
                raise
            if not isinstance(content, dict) or not isinstance(content.get("posts"), list):
                raise ValueError("not the answer to a search")
            return content

        return self.asking.patience.ask(
            question, explain=lambda error: explain(error, now=self.asking.clock.now())
        )

    def _connected(self) -> Any:
        if self._client is None:
            from atproto import Client, Request

            client = Client(self.server, request=Request(timeout=self.asking.source.fetch.timeout_seconds))
            if self.handle and self.password:
                client.login(
                    self.handle.get_secret_value(), self.password.get_secret_value(), fetch_bsky_profile=False
                )
            self._client = client
        return self._client


def _behind(until: dt.datetime, *, end: dt.datetime) -> dt.datetime:
    """Where the next run begins: a little before what was asked last, because posts are indexed late."""
    return until - OVERLAP if until >= end else until


def _written(when: dt.datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --------------------------------------------------------------------------------------------- records


def post_of_view(view: Any) -> Record:
    """A post as a search shows it, in our field names."""
    view = view if isinstance(view, dict) else {}
    record, author = view.get("record"), view.get("author")
    did = author.get("did") if isinstance(author, dict) else None
    return post_of_record(record, uri=view.get("uri"), did=did, seen=utc(view.get("indexedAt")))


def post_of_record(record: Any, *, uri: str | None, did: str | None, seen: dt.datetime | None) -> Record:
    """A post record in our field names. Its time is what it says itself, or when it was seen if that was earlier: that
    is the platform's own rule against clocks that go ahead."""
    record = record if isinstance(record, dict) else {}
    said = utc(record.get("createdAt"))
    created = min((when for when in (said, seen) if when is not None), default=None)
    reply = record.get("reply") if isinstance(record.get("reply"), dict) else {}
    parent, root, quoted = _uri(reply.get("parent")), _uri(reply.get("root")), _quoted(record.get("embed"))
    langs = record.get("langs")
    return {
        "text": record.get("text"),
        "created_at": created.isoformat() if created else None,
        "post_id": uri,
        "author": did,
        "parent_id": parent,
        "thread_id": root or uri,
        "reply_to_author": parent.removeprefix("at://").split("/")[0] if parent else None,
        "quoted_id": quoted,
        "kind": "quote" if quoted else "reply" if parent else "original",
        "lang": langs[0] if isinstance(langs, list) and len(langs) == 1 else None,
    }


def _uri(reference: Any) -> str | None:
    uri = reference.get("uri") if isinstance(reference, dict) else None
    return uri if isinstance(uri, str) and _POST in uri else None


def _quoted(embed: Any) -> str | None:
    """The post that is embedded: by itself, or beside pictures one step deeper."""
    record = embed.get("record") if isinstance(embed, dict) else None
    inner = record.get("record") if isinstance(record, dict) else None
    return _uri(record) or _uri(inner)


# ---------------------------------------------------------------------------------------------- errors


def explain(error: Exception, *, now: dt.datetime) -> Trouble | None:
    """What an error of the atproto client means; None for one that is not the platform's."""
    import httpx
    from atproto.exceptions import AtProtocolError, RateLimitExceededError

    if isinstance(error, RateLimitExceededError):
        wait = error.retry_after
        if wait is None and error.reset_at is not None:
            wait = max(0.0, (error.reset_at - now).total_seconds())
        return http_trouble(429, wait=wait)
    if isinstance(error, AtProtocolError | httpx.HTTPError | ValueError):
        return http_trouble(_status(error))
    return None


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None
