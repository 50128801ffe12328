"""Bluesky's search through its own client against a server that answers as the platform does."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from flows.stages import Run
from forecasting.breaks.find import query_breaks
from tests.sources.conftest import Bench
from tests.sources.platform_servers import NOW, Answer, Platform, Request, served
from warehouse.errors import ConfigError
from warehouse.intake import pages
from warehouse.tables import TABLES, empty

DID = "did:plc:abcdefghijklmnopqrstuvwx"


def view(number: int, *, at: dt.datetime, said: str | None = None, **record: Any) -> dict[str, Any]:
    """A post as a search lists it, indexed at `at`."""
    uri = f"at://{DID}/app.bsky.feed.post/3kpost{number:06d}"
    body = {"$type": "app.bsky.feed.post", "text": f"post number {number}", "langs": ["en"]}
    return {
        "uri": uri,
        "cid": "bafyreigh2akiscaildc",
        "author": {"did": DID, "handle": "somebody.example"},
        "record": body | {"createdAt": said or at.isoformat().replace("+00:00", "Z")} | record,
        "indexedAt": at.isoformat().replace("+00:00", "Z"),
    }


class Search:
    """Holds posts, and lists those between `since` and `until`, newest first, `size` at a time."""

    def __init__(self, *views: dict[str, Any], size: int = 9) -> None:
        self.views, self.size = list(views), size

    def __call__(self, request: Request) -> Answer:
        assert request.path == "/xrpc/app.bsky.feed.searchPosts"
        since, until = request.get("since") or "", request.get("until") or "9"
        at = int(request.get("cursor") or 0)
        found = [one for one in self.views if since <= _key(one) < until]
        found.sort(key=_key, reverse=True)
        page = found[at : at + self.size]
        more = {"cursor": str(at + self.size)} if at + self.size < len(found) else {}
        return Answer({"posts": page} | more)


def _key(one: dict[str, Any]) -> str:
    return str(dt.datetime.fromisoformat(one["indexedAt"]).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def hours(n: float) -> dt.datetime:
    return NOW - dt.timedelta(hours=n)


@pytest.fixture
def search() -> Search:
    return Search(*(view(n, at=hours(n + 0.5)) for n in range(7)))


@pytest.fixture
def platform(search: Search, bench: Bench) -> Iterator[Platform]:
    with served(search) as platform:
        bench.kind, bench.fetch = "bluesky", {"queries": ["lonely"], "servers": [platform.address]}
        yield platform


def test_all_posts_of_the_last_day_are_read_and_the_next_run_adds_only_what_is_new(
    bench: Bench, search: Search, platform: Platform
) -> None:
    search.size = 2
    assert bench.run().rows_out == 7
    assert bench.texts == [f"post number {n}" for n in range(7)]
    search.views.append(view(99, at=NOW + dt.timedelta(hours=1)))
    bench.clock.at = NOW + dt.timedelta(hours=2)
    again = bench.run()
    assert (again.rows_out, again.problems) == (1, ())
    cursor = bench.table("raw.cursors").row(0, named=True)
    assert (cursor["stream"], cursor["position"]) == ("lonely", bench.clock.at)


def test_nothing_that_names_an_author_is_kept(bench: Bench, platform: Platform) -> None:
    bench.run()
    for name in ("raw.posts", "core.interactions", "raw.cursors", "raw.quarantine"):
        assert DID not in str(bench.table(name).rows())
    posts = bench.table("raw.posts")
    assert posts["author_key"].n_unique() == 1
    assert posts["post_id"].str.contains("^made:[0-9a-f]{32}$").all()


def test_replies_and_quotes_point_at_the_posts_they_answer(
    bench: Bench, search: Search, platform: Platform
) -> None:
    asked = {"uri": search.views[0]["uri"], "cid": "x"}
    other = f"at://{DID}/app.bsky.feed.generator/feed"
    search.views = [
        search.views[0],
        view(50, at=hours(0.2), reply={"root": asked, "parent": asked}),
        view(51, at=hours(0.1), embed={"$type": "app.bsky.embed.record", "record": asked}),
        view(52, at=hours(0.1), embed={"record": {"record": asked}}),
        view(53, at=hours(0.1), embed={"record": {"uri": other}}),
    ]
    bench.run()
    posts = {row["text"]: row for row in bench.table("raw.posts").iter_rows(named=True)}
    first = posts["post number 0"]["post_id"]
    assert posts["post number 50"]["parent_id"] == posts["post number 50"]["thread_id"] == first
    assert [posts[f"post number {n}"]["kind"] for n in (50, 51, 52, 53)] == [
        "reply",
        "quote",
        "quote",
        "original",
    ]
    edges = bench.table("core.interactions").select("kind", "target_post_id").rows()
    assert sorted(edges) == [("quote", first), ("quote", first), ("reply", first)]


def test_a_clock_that_goes_ahead_is_set_back_to_when_the_post_was_seen(
    bench: Bench, search: Search, platform: Platform
) -> None:
    search.views = [
        view(1, at=hours(2), said="2099-01-01T00:00:00Z"),
        view(2, at=hours(1), said="not a date"),
    ]
    bench.run()
    assert bench.table("raw.posts")["created_at"].sort().to_list() == [hours(2), hours(1)]


def test_posts_after_the_day_of_the_run_are_not_asked_for(
    bench: Bench, search: Search, platform: Platform
) -> None:
    yesterday = NOW.date() - dt.timedelta(days=1)
    search.views = [view(1, at=hours(13)), view(2, at=hours(11))]
    assert bench.run(issue=yesterday).rows_in == 1
    assert bench.run().rows_out == 1
    assert bench.reasons == {}


TROUBLES = {
    "slow down": Answer({"error": "RateLimitExceeded"}, status=429, headers={"Retry-After": "77"}),
    "failed": Answer({"error": "InternalServerError"}, status=500),
    "gateway": Answer(status=502),
    "cut": Answer({"posts": ["a post that is never seen whole"] * 50}, cut=90),
    "no search": Answer({"hello": "there"}),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_passes_by_itself_is_waited_for(bench: Bench, platform: Platform, trouble: str) -> None:
    platform.before = [TROUBLES[trouble], TROUBLES[trouble]]
    receipt = bench.run()
    assert (receipt.problems, bench.texts) == ((), [f"post number {n}" for n in range(7)])
    assert bench.clock.slept == ([77.0, 77.0] if trouble == "slow down" else [1.0, 2.0])


def test_the_time_at_which_the_platform_answers_again_is_kept(bench: Bench, platform: Platform) -> None:
    headers = {"ratelimit-reset": f"{int(NOW.timestamp()) + 50}", "ratelimit-remaining": "0"}
    platform.before = [Answer({"error": "RateLimitExceeded"}, status=429, headers=headers)]
    assert bench.run().problems == ()
    assert bench.clock.slept == [50.0]


def test_an_account_signs_in_and_its_password_is_nowhere(
    bench: Bench, search: Search, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFECTCAST_MADE_HANDLE", "reader.example")
    word = bench.folder / "word"
    word.write_text("app-password-of-the-tests\n", encoding="utf-8")
    word.chmod(0o600)
    monkeypatch.setenv("AFFECTCAST_MADE_APP_PASSWORD_FILE", str(word))
    token = f"{_part({'alg': 'none'})}.{_part({'exp': 4102444800, 'iat': 0, 'scope': 'x'})}.c2ln"

    def answer(request: Request) -> Answer:
        if request.path.endswith("createSession"):
            assert "app-password-of-the-tests" in request.body
            return Answer({"did": DID, "handle": "reader.example", "accessJwt": token, "refreshJwt": token})
        return search(request)

    platform.answer = answer
    assert bench.run().problems == ()
    assert {name.lower(): value for name, value in platform.seen[-1].headers.items()}[
        "authorization"
    ] == f"Bearer {token}"
    bench.store.connection.execute("CHECKPOINT")
    kept = bench.path.read_bytes()
    assert b"app-password-of-the-tests" not in kept
    assert token.encode() not in kept
    word.chmod(0o644)
    with pytest.raises(ConfigError, match="everybody on this machine may read it"):
        bench.run()


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_waiting_has_an_end_and_what_was_read_is_kept(bench: Bench, platform: Platform) -> None:
    platform.answer, search = (lambda _: TROUBLES["slow down"]), platform.answer
    receipt = bench.run(wait_seconds=200)
    assert bench.clock.slept == [77.0, 77.0]
    assert "source 'made': the platform asks to slow down (429)" in receipt.problems[0]
    assert "the next run goes on" in receipt.problems[0]
    platform.answer = search
    assert bench.run().rows_out == 7


@pytest.mark.parametrize(
    ("status", "says"), [(401, "refuses access"), (403, "credentials"), (404, "question")]
)
def test_a_refusal_is_said_at_once_and_never_quotes(
    bench: Bench, platform: Platform, status: int, says: str
) -> None:
    platform.before = [Answer({"error": "Nope", "message": "secret words of a post"}, status=status)]
    (problem,) = bench.run().problems
    assert says in problem
    assert "secret" not in problem
    assert bench.clock.slept == []


def test_a_server_that_is_not_there_is_a_problem_and_no_crash(bench: Bench) -> None:
    bench.kind, bench.fetch = "bluesky", {"queries": ["a"], "servers": ["http://127.0.0.1:9"]}
    (problem,) = bench.run(wait_seconds=3).problems
    assert "no whole answer came" in problem


def test_a_cap_stops_the_run_and_the_next_one_goes_on(
    bench: Bench, search: Search, platform: Platform
) -> None:
    search.size = 2
    first = bench.run(max_records=3)
    assert 3 <= first.rows_in < 7
    assert "stopped at fetch.max_records" in first.notes[0]
    assert bench.run(max_records=100).rows_out == 7 - first.rows_out
    assert len(bench.texts) == 7


def test_a_page_that_is_no_longer_known_is_asked_for_from_the_start(
    bench: Bench, search: Search, platform: Platform
) -> None:
    search.size = 2
    bench.run(max_records=3)
    platform.answer = lambda request: (
        Answer({"error": "InvalidRequest"}, status=400)
        if request.get("cursor") == "2"
        else Search(*search.views, size=9)(request)
    )
    assert bench.run(max_records=100).problems == ()
    assert len(bench.texts) == 7


class KilledError(Exception):
    """Stands in for a kill between what a page wrote and its commit."""


@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("where", ["_put_cursor", "write_state"])
def test_a_kill_between_a_page_and_its_commit_costs_and_doubles_nothing(
    bench: Bench, search: Search, platform: Platform, monkeypatch: pytest.MonkeyPatch, at: int, where: str
) -> None:
    search.size = 2
    calls: list[object] = []
    real = getattr(pages, where)

    def killed(*arguments: object, **more: object) -> None:
        calls.append(real(*arguments, **more))
        if len(calls) == at:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(pages, where, killed)
        with pytest.raises(KilledError):
            bench.run()
    landed = len(bench.texts)
    assert landed < 7
    receipt = bench.run()
    assert (receipt.rows_out, len(bench.texts)) == (7 - landed, 7)
    assert bench.table("raw.intake").select("received", "posts").row(0) == (7, 7)


def test_posts_that_come_make_the_later_stages_of_the_same_run_do_their_work_again(
    bench: Bench, platform: Platform
) -> None:
    run_id = Run(config=bench.config(), issue=NOW.date()).run_id
    row = {
        "run_id": run_id, "stage": "forecast", "command": "nightly", "issue": NOW.date(), "started_at": NOW,
        "finished_at": NOW, "status": "done", "config_sha256": "c", "git_commit": None, "rows_in": 0, "rows_out": 0,
        "rows_dropped": 0, "reasons": "{}",
    }  # fmt: skip
    runs = TABLES["core.runs"]
    bench.store.put(runs, pl.DataFrame([row], schema=empty(runs).schema), run_id=run_id)
    bench.run()
    assert bench.table("core.runs").is_empty()


def test_another_question_is_a_known_break(bench: Bench, platform: Platform) -> None:
    bench.run()
    assert query_breaks(bench.table("raw.queries")).is_empty()
    later = NOW.date() + dt.timedelta(days=3)
    bench.clock.at += dt.timedelta(days=3)
    bench.run(issue=later, queries=["lonely", "alone"])
    (found,) = query_breaks(bench.table("raw.queries")).iter_rows(named=True)
    assert (found["what"], found["onset"], found["geo_type"]) == ("query", later, "all")
    assert found["evidence"].endswith("from this issue on: made")
