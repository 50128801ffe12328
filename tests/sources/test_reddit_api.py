"""Reddit's listings through PRAW against a server that answers as the API does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from flows.sources import reddit
from tests.sources.conftest import Bench
from tests.sources.platform_servers import NOW, Answer, Platform, Request, served
from warehouse.errors import ConfigError

FIRST = int("1abc00", 36)


def base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits


def thing(number: int, *, at: dt.datetime, comment: bool = False, **more: Any) -> dict[str, Any]:
    name = base36(FIRST + number)
    kind = "t1" if comment else "t3"
    said = (
        {"body": f"comment number {number}", "parent_id": "t3_1abc00", "link_id": "t3_1abc00"}
        if comment
        else {
            "title": f"submission number {number}",
            "selftext": "and more of it",
            "removed_by_category": None,
        }
    )
    told = {"id": name, "name": f"{kind}_{name}", "author": "Somebody", "subreddit": "sadness"}
    return {"kind": kind, "data": told | said | {"created_utc": at.timestamp()} | more}


class Api:
    """`/new` and `/comments` list what there is, newest first, `size` at a time, up to `most` entries."""

    def __init__(self, *things: dict[str, Any], size: int = 20, most: int = 1000) -> None:
        self.things, self.size, self.most = list(things), size, most

    def __call__(self, request: Request) -> Answer:
        if request.path == "/api/v1/access_token":
            return Answer({"access_token": "t", "token_type": "bearer", "expires_in": 3600, "scope": "*"})
        assert request.headers["Authorization"] == "bearer t"
        if request.path == "/api/info/":
            asked = (request.get("id") or "").split(",")
            return _listing([one for one in self.things if one["data"]["name"] in asked])
        kind = {"/r/sadness/new": "t3", "/r/sadness/comments": "t1"}[request.path]
        listed = [one for one in self.things if one["kind"] == kind]
        listed = sorted(listed, key=lambda one: -int(one["data"]["id"], 36))[: self.most]
        names = [one["data"]["name"] for one in listed]
        after = request.get("after")
        start = names.index(after) + 1 if after in names else 0
        page = listed[start : start + self.size]
        more = page[-1]["data"]["name"] if start + self.size < len(listed) else None
        return _listing(page, after=more)


def _listing(things: list[dict[str, Any]], *, after: str | None = None) -> Answer:
    return Answer(
        {"kind": "Listing", "data": {"children": things, "after": after, "before": None, "dist": len(things)}}
    )


def minutes(n: float) -> dt.datetime:
    return NOW - dt.timedelta(minutes=n)


@pytest.fixture
def api() -> Api:
    posts = [thing(n, at=minutes(600 - 10 * n)) for n in range(7)]
    comments = [thing(20 + n, at=minutes(400 - n), comment=True) for n in range(2)]
    return Api(*posts, *comments)


@pytest.fixture
def platform(api: Api, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setenv("AFFECTCAST_MADE_CLIENT_ID", "an id")
    monkeypatch.setenv("AFFECTCAST_MADE_CLIENT_SECRET", "a secret word")
    monkeypatch.setattr("prawcore.sessions.time.sleep", lambda _: None)
    with served(api) as platform:
        bench.kind, bench.fetch = "reddit", {"subreddits": ["r/sadness"], "servers": [platform.address]}
        yield platform


def test_submissions_and_comments_are_read_and_then_only_what_is_new(
    bench: Bench, api: Api, platform: Platform
) -> None:
    api.size = 3
    api.things.append(thing(-9, at=minutes(3000)))
    assert bench.run().rows_out == 9
    assert bench.texts[:3] == [
        "comment number 20",
        "comment number 21",
        "submission number 0\nand more of it",
    ]
    posts = bench.table("raw.posts")
    assert set(posts["community"]) == {"sadness"}
    assert posts.filter(kind="comment")["parent_id"].to_list() == ["made:t3_1abc00"] * 2
    api.things.append(thing(60, at=minutes(0.1)))
    again = bench.run()
    assert (again.rows_in, again.notes, again.problems) == (1, (), ())


def test_a_walk_that_was_stopped_is_finished_before_the_newest_is_looked_at(
    bench: Bench, api: Api, platform: Platform
) -> None:
    api.size = 3
    bench.run(comments=False, max_records=3)
    assert len(bench.texts) == 3
    api.things.append(thing(60, at=minutes(0.1)))
    bench.run(comments=False, max_records=1000)
    assert len(bench.texts) == 8
    assert bench.run(comments=False).rows_in == 0


def test_a_gap_that_a_listing_cannot_reach_over_is_said(
    bench: Bench, api: Api, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.size = 3
    monkeypatch.setattr(reddit, "LISTED", 4)
    bench.run(comments=False)
    api.most = 4
    api.things += [thing(50 + n, at=minutes(20 - n)) for n in range(6)]
    receipt = bench.run(comments=False)
    assert receipt.rows_out == 4
    assert "posts are missed" in receipt.notes[0]


TROUBLES = {
    "slow down": Answer({"message": "Too Many Requests"}, status=429, headers={"retry-after": "31"}),
    "failed": Answer({"message": "oops"}, status=500),
    "cut": Answer({"kind": "Listing", "data": "never seen whole" * 20}, cut=60),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_passes_by_itself_is_waited_for(
    bench: Bench, api: Api, platform: Platform, trouble: str
) -> None:
    failing = [TROUBLES[trouble]] * 4

    def answer(request: Request) -> Answer:
        return failing.pop() if failing and request.path.endswith("/new") else api(request)

    platform.answer = answer
    assert bench.run(comments=False).problems == ()
    assert len(bench.texts) == 7
    assert bench.clock.slept[:1] == ([31.0] if trouble == "slow down" else [1.0])


@pytest.mark.parametrize(("status", "says"), [(403, "refuses access"), (404, "does not know a subreddit")])
def test_a_subreddit_that_cannot_be_read_is_said(
    bench: Bench, api: Api, platform: Platform, status: int, says: str
) -> None:
    platform.answer = lambda request: (
        api(request) if "access_token" in request.path else Answer({"message": "words"}, status=status)
    )
    (problem,) = bench.run().problems
    assert says in problem
    assert "words" not in problem


def test_wrong_credentials_are_said_without_them(bench: Bench, platform: Platform) -> None:
    platform.answer = lambda _: Answer({"error": "invalid_grant a secret word"}, status=401)
    (problem,) = bench.run().problems
    assert "refuses access" in problem
    assert "secret word" not in problem


def test_credentials_that_are_missing_are_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFFECTCAST_MADE_CLIENT_ID", raising=False)
    bench.kind, bench.fetch = "reddit", {"subreddits": ["sadness"]}
    with pytest.raises(ConfigError, match="AFFECTCAST_MADE_CLIENT_ID and AFFECTCAST_MADE_CLIENT_SECRET"):
        bench.run()


def test_deleted_and_removed_posts_go(bench: Bench, api: Api, platform: Platform) -> None:
    bench.run(comments=False, recheck_days=2)
    api.things[1]["data"] |= {"author": "[deleted]", "selftext": "[deleted]", "title": "[deleted]"}
    api.things[2]["data"] |= {"removed_by_category": "moderator"}
    receipt = bench.run(comments=False)
    assert "2 posts that were deleted" in receipt.notes[0]
    assert [text.split("\n")[0][-1] for text in bench.texts] == ["0", "3", "4", "5", "6"]


def test_a_listing_that_shows_nothing_deletes_nothing(bench: Bench, api: Api, platform: Platform) -> None:
    bench.run(comments=False, recheck_days=2)
    platform.answer = lambda request: _listing([]) if "info" in request.path else api(request)
    assert bench.run(comments=False).notes == ()
    assert len(bench.texts) == 7
