"""Mastodon timelines through Mastodon.py against servers that answer as instances do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sources.conftest import Bench
from tests.sources.platform_servers import NOW, Answer, Platform, Request, served
from warehouse.errors import ConfigError


def snowflake(at: dt.datetime, number: int = 0) -> int:
    return (int(at.timestamp() * 1000) << 16) + number


def status(number: int, *, at: dt.datetime, host: str = "one.example", **more: Any) -> dict[str, Any]:
    """A public status as `GET /api/v1/timelines/…` shows it."""
    name = f"{snowflake(at, number)}"
    return {
        "id": name,
        "uri": f"https://{host}/users/somebody/statuses/{name}",
        "created_at": at.isoformat().replace("+00:00", "Z"),
        "account": {"id": "7", "acct": "somebody", "username": "somebody"},
        "content": f"<p>post number {number} &amp; more<br />of it</p>",
        "language": "en", "visibility": "public", "in_reply_to_id": None, "in_reply_to_account_id": None,
        "mentions": [], "tags": [], "reblog": None,
    } | more  # fmt: skip


class Instance:
    """Its timelines hold `statuses`; with `min_id` they give those right behind it, newest first."""

    def __init__(self, *statuses: dict[str, Any], size: int = 20, bulk: bool = True) -> None:
        self.statuses, self.size, self.bulk = list(statuses), size, bulk

    def __call__(self, request: Request) -> Answer:
        names = {one["id"]: one for one in self.statuses}
        if request.path == "/api/v1/statuses":
            asked = request.query.get("id[]", [])
            return Answer([names[name] for name in asked if name in names], status=200 if self.bulk else 404)
        if request.path.startswith("/api/v1/statuses/"):
            name = request.path.rsplit("/", 1)[-1]
            return Answer(names[name]) if name in names else Answer({"error": "Record not found"}, status=404)
        assert request.path in {"/api/v1/timelines/public", "/api/v1/timelines/tag/sad"}
        behind = sorted(
            (one for one in self.statuses if int(one["id"]) > int(request.get("min_id") or 0)),
            key=lambda one: int(one["id"]),
        )
        return Answer(behind[: self.size][::-1])


def hours(n: float) -> dt.datetime:
    return NOW - dt.timedelta(hours=n)


@pytest.fixture
def instance() -> Instance:
    return Instance(*(status(n, at=hours(20 - n)) for n in range(7)))


@pytest.fixture
def platform(instance: Instance, bench: Bench) -> Iterator[Platform]:
    with served(instance) as platform:
        bench.fetch = {"hashtags": ["sad"], "servers": [platform.address]}
        yield platform


def test_a_timeline_is_read_from_a_day_ago_and_on_from_there(
    bench: Bench, instance: Instance, platform: Platform
) -> None:
    instance.size = 3
    instance.statuses.append(status(50, at=hours(30)))
    assert bench.run().rows_out == 7
    assert bench.texts[0] == "post number 0 & more\nof it"
    instance.statuses.append(status(51, at=hours(0.1)))
    assert bench.run().rows_in == 1
    assert bench.table("raw.cursors")["position"][0] == hours(0.1)


def test_the_same_post_on_two_instances_is_one(bench: Bench, instance: Instance, platform: Platform) -> None:
    other = Instance(*(status(n, at=hours(20 - n)) for n in range(5)))
    with served(other) as second:
        receipt = bench.run(servers=[platform.address, second.address], public=True)
    assert (receipt.rows_out, receipt.reasons["duplicates"]) == (7, 7 + 5 + 5)


def test_reordered_and_repeated_posts_end_in_the_same_tables(
    bench: Bench, instance: Instance, platform: Platform
) -> None:
    platform.answer = lambda request: Answer(
        sorted(instance(request).body * 2, key=lambda one: one["id"][-1])
    )
    assert bench.run().rows_out == 7


def test_replies_know_whom_they_answer(bench: Bench, instance: Instance, platform: Platform) -> None:
    first = instance.statuses[0]
    other = {"id": "9", "acct": "other@two.example"}
    asked = {"in_reply_to_id": first["id"], "in_reply_to_account_id": "9", "mentions": [other]}
    instance.statuses = [status(8, at=hours(3), **asked), status(9, at=hours(2), account=other)]
    bench.run()
    reply, own = bench.table("raw.posts").sort("created_at").iter_rows(named=True)
    assert reply["kind"] == "reply"
    assert bench.table("core.interactions")["target_author_key"].to_list() == [own["author_key"]]


TROUBLES = {
    "slow down": Answer({"error": "Too many requests"}, status=429),
    "failed": Answer({"error": "oops"}, status=500),
    "cut": Answer([{"id": "1", "content": "never seen whole" * 20}], cut=70),
    "page of a proxy": Answer("<html>"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_passes_by_itself_is_waited_for(bench: Bench, platform: Platform, trouble: str) -> None:
    platform.before = [TROUBLES[trouble]] * 2
    assert bench.run().problems == ()
    assert bench.clock.slept == [1.0, 2.0]
    assert len(bench.texts) == 7


def test_the_time_at_which_an_instance_answers_again_is_kept(bench: Bench, platform: Platform) -> None:
    now = dt.datetime.now(dt.UTC)
    bench.clock.at = now
    again = (now + dt.timedelta(seconds=3000)).isoformat()
    headers = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": again}
    platform.before = [Answer({"error": "Too many requests"}, status=429, headers=headers)]
    assert bench.run(wait_seconds=4000, issue=now.date()).problems == ()
    assert 2000 < bench.clock.slept[0] <= 3001


def test_a_cut_in_the_middle_keeps_what_was_read(
    bench: Bench, instance: Instance, platform: Platform
) -> None:
    instance.size = 3

    def first_page_only(request: Request) -> Answer:
        page = instance(request)
        return page if len(platform.seen) == 1 else Answer(page.body, cut=40)

    platform.answer = first_page_only
    receipt = bench.run(wait_seconds=0)
    assert (receipt.rows_out, len(receipt.problems)) == (3, 1)
    platform.answer = instance
    assert bench.run().rows_in == 4


def test_a_post_of_tomorrow_waits_and_one_of_a_wrong_clock_does_not_hold_up_the_others(
    bench: Bench, instance: Instance, platform: Platform
) -> None:
    bench.clock.at = NOW.replace(hour=23, minute=50)
    tonight = NOW.replace(hour=23, minute=30)
    late = tonight + dt.timedelta(minutes=40)
    wrong = status(8, at=tonight) | {"created_at": "2031-01-01T00:00:00Z"}
    broken = status(9, at=tonight) | {"created_at": "yesterday-ish"}
    instance.statuses = [wrong, broken, status(10, at=tonight), status(11, at=late)]
    assert bench.run().rows_out == 1
    assert bench.reasons == {"bad_date": 1, "date_in_future": 1}
    bench.clock.at = late + dt.timedelta(hours=1)
    assert bench.run(issue=late.date()).rows_out == 1


def test_a_server_that_numbers_posts_otherwise_is_refused(
    bench: Bench, instance: Instance, platform: Platform
) -> None:
    instance.statuses = [instance.statuses[0]]
    platform.answer = lambda request: Answer(
        [one | {"id": "9umDrYheeY451cQnEe"} for one in instance(request).body]
    )
    (problem,) = bench.run().problems
    assert "no numbers for ids" in problem
    assert bench.clock.slept == []


@pytest.mark.parametrize("bulk", [True, False], ids=["several at once", "one by one"])
def test_a_deleted_post_is_removed_and_does_not_come_back(
    bench: Bench, instance: Instance, platform: Platform, bulk: bool
) -> None:
    instance.bulk = bulk
    bench.run(recheck_days=2)
    gone = instance.statuses.pop(3)
    receipt = bench.run()
    assert "1 posts that were deleted" in receipt.notes[0]
    assert len(bench.texts) == 6
    removed = bench.table("raw.removals").select("time_value", "reason", "n").rows()
    assert removed == [(hours(17).date(), "deleted", 1)]
    instance.statuses.append(gone)
    bench.store.delete(_cursors(), where="true")
    again = bench.run()
    assert (again.rows_out, again.reasons) == (0, {"duplicates": 6, "quarantined": 1})
    assert bench.reasons == {"deleted": 1}


def test_an_instance_that_fails_to_show_posts_deletes_none(
    bench: Bench, instance: Instance, platform: Platform
) -> None:
    bench.run(recheck_days=2)
    platform.answer = lambda request: Answer([]) if request.path == "/api/v1/statuses" else instance(request)
    assert bench.run().notes == ()
    assert len(bench.texts) == 7


def test_another_question_is_recorded_and_said(bench: Bench, platform: Platform) -> None:
    bench.run()
    assert bench.run().notes == ()
    day = NOW.date() + dt.timedelta(days=1)
    bench.clock.at += dt.timedelta(days=1)
    receipt = bench.run(issue=day, public=True)
    assert "other posts are asked for than before" in receipt.notes[0]
    asked = bench.table("raw.queries")
    assert asked["issue"].to_list() == [NOW.date(), day]
    assert '"public": true' in asked["query"][1]


def test_the_token_goes_to_the_instance_and_nowhere_else(
    bench: Bench, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFECTCAST_MADE_ACCESS_TOKEN", "a-token-of-the-tests")
    platform.before = [Answer({"error": "a-token-of-the-tests is not valid"}, status=401)]
    (problem,) = bench.run().problems
    assert platform.seen[0].headers["Authorization"] == "Bearer a-token-of-the-tests"
    tables = [str(bench.table(name).rows()) for name in ("raw.cursors", "raw.queries", "core.runs")]
    assert "a-token" not in " ".join([problem, *tables])


@pytest.mark.parametrize(
    "server", ["http://mastodon.example", "https://name:word@mastodon.example", "mastodon.example"]
)
def test_an_address_that_is_not_safe_is_refused(bench: Bench, server: str) -> None:
    bench.fetch = {"public": True, "servers": [server]}
    with pytest.raises(ConfigError, match=r"servers: expected addresses that start with https://"):
        bench.config()


def test_plain_http_is_for_loopback_and_only_where_it_is_asked_for(bench: Bench) -> None:
    bench.fetch = {"public": True, "servers": ["http://127.0.0.1:1"], "plain_http_on_loopback": False}
    with pytest.raises(ConfigError, match="https"):
        bench.config()


def _cursors() -> Any:
    from warehouse.tables import TABLES

    return TABLES["raw.cursors"]
