"""Records of known shapes in our field names: Reddit's, X's and Telegram's own JSON. Not for reading files.

A shape never fails on an odd record: what it does not find is null, and the intake refuses the record with a reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
Shape = Callable[[Record], Record]
_GONE = {"[deleted]", "[removed]", "", None}


def reddit(record: Record) -> Record:
    """A submission or comment as dumps and the API have it; one whose words are gone has no text."""
    is_comment = "body" in record
    name = f"{'t1' if is_comment else 't3'}_{record.get('id')}" if record.get("id") else record.get("name")
    said = (record.get("body"),) if is_comment else (record.get("title"), record.get("selftext"))
    author = record.get("author")
    return {
        "text": "\n".join(str(part) for part in said if part not in _GONE) or None,
        "created_at": _epoch(record.get("created_utc")),
        "post_id": name,
        "author": None if author in _GONE else author,
        "parent_id": record.get("parent_id") if is_comment else None,
        "thread_id": record.get("link_id") if is_comment else name,
        "community": record.get("subreddit"),
        "kind": "comment" if is_comment else "original",
    }


def x(record: Record) -> Record:
    """A post of X's API, version 2, or of the archive that X gives to its users."""
    inner = record.get("tweet")
    return (
        _x_archive(inner)
        if isinstance(inner, dict)
        else _x_archive(record)
        if "id_str" in record
        else _x_api(record)
    )


def _x_api(record: Record) -> Record:
    refers = {
        one.get("type"): one.get("id")
        for one in _list(record.get("referenced_tweets"))
        if isinstance(one, dict)
    }
    note = record.get("note_tweet")
    return {
        "text": note.get("text") if isinstance(note, dict) and note.get("text") else record.get("text"),
        "created_at": record.get("created_at"),
        "post_id": record.get("id"),
        "author": record.get("author_id"),
        "parent_id": refers.get("replied_to"),
        "thread_id": record.get("conversation_id"),
        "reply_to_author": record.get("in_reply_to_user_id"),
        "quoted_id": refers.get("quoted"),
        "kind": _x_kind(repost="retweeted" in refers, quote="quoted" in refers, reply="replied_to" in refers),
        "lang": _x_lang(record.get("lang")),
    }


def _x_archive(record: Record) -> Record:
    text, user = record.get("full_text") or record.get("text"), record.get("user")
    parent, quoted = record.get("in_reply_to_status_id_str"), record.get("quoted_status_id_str")
    repost = isinstance(text, str) and text.startswith("RT @")
    return {
        "text": text,
        "created_at": _x_time(record.get("created_at")),
        "post_id": record.get("id_str"),
        "author": user.get("id_str") if isinstance(user, dict) else None,
        "parent_id": parent,
        "thread_id": None,
        "reply_to_author": record.get("in_reply_to_user_id_str"),
        "quoted_id": quoted,
        "kind": _x_kind(repost=repost, quote=quoted is not None, reply=parent is not None),
        "lang": _x_lang(record.get("lang")),
    }


def _x_kind(*, repost: bool, quote: bool, reply: bool) -> str:
    return "repost" if repost else "quote" if quote else "reply" if reply else "original"


def _x_lang(code: Any) -> str | None:
    """`und` and the codes of three letters that stand for "only links" and the like name no language."""
    return code if isinstance(code, str) and len(code.split("-")[0]) == 2 else None


def _x_time(text: Any) -> Any:
    try:
        return dt.datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y").isoformat()
    except (TypeError, ValueError):
        return text


def telegram(record: Record) -> Record:
    """A message of a desktop export; `chat_id` and `chat` were put into it by the reader of the file."""
    chat, number, answered = record.get("chat_id"), record.get("id"), record.get("reply_to_message_id")
    forwarded = record.get("forwarded_from") is not None or record.get("forwarded_from_id") is not None
    return {
        "text": _joined(record.get("text")),
        "created_at": _epoch(record.get("date_unixtime")) or record.get("date"),
        "post_id": None if number is None else f"{chat}/{number}",
        "author": record.get("from_id") or record.get("actor_id"),
        "parent_id": None if answered is None else f"{chat}/{answered}",
        "community": record.get("chat"),
        "kind": "repost" if forwarded else "original" if answered is None else "reply",
    }


def _joined(text: Any) -> str | None:
    """A text is one string, or a list of strings and of marked parts."""
    parts = [part.get("text") if isinstance(part, dict) else part for part in _list(text)]
    whole = text if isinstance(text, str) else "".join(part for part in parts if isinstance(part, str))
    return whole or None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _epoch(seconds: Any) -> str | None:
    """Seconds since 1970, as a number or a text of one, in ISO form."""
    try:
        return dt.datetime.fromtimestamp(float(seconds), tz=dt.UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


SHAPES: dict[str, Shape] = {"reddit_dump": reddit, "x": x, "telegram": telegram}
