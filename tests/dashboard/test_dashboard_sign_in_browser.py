"""Signs people in with a real browser at an identity provider that runs on this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import publication as made_up
import pytest

from dashboard import acknowledgements, launch, shell

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("oidc_provider_mock") is None, reason="oidc-provider-mock is not installed"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SECONDS = 60
MS = SECONDS * 1000
ANALYST, VIEWER, UNVERIFIED = "ana@example.org", "vera@example.org", "umberto@example.org"
STRANGER = "sam@elsewhere.example"
CONFIG = """
[dashboard]
sign_in = true
secrets = "{folder}/secrets.toml"
analysts = ["ana@example.org", "umberto@example.org"]
allowed_domains = ["example.org"]
"""
SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a secret of this test, of more than 32 characters"
client_id = "affectcast"
client_secret = "zyxclientsecret"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A served dashboard: its address, its folder and what it wrote to its log."""

    address: str
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    pytest.fail(f"{url} did not answer within {SECONDS} s")


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """An identity provider that believes whoever says who they are, and what it says about four people."""
    port = _free_port()
    argv = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait(f"{address}/.well-known/openid-configuration")
            for email in (ANALYST, VIEWER, UNVERIFIED, STRANGER):
                _tell(address, email=email, verified=email != UNVERIFIED)
            yield address
        finally:
            server.terminate()


def _tell(provider: str, *, email: str, verified: bool) -> None:
    body = json.dumps({"email": email, "email_verified": verified}).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{provider}/users/{email}", data=body, headers=headers, method="PUT")
    ):
        pass


@pytest.fixture(scope="module")
def site(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The dashboard with sign-in on, as `affectcast dashboard` starts it."""
    folder = tmp_path_factory.mktemp("sign_in")
    made_up.build(folder / "published")
    port = _free_port()
    (folder / "config.toml").write_text(CONFIG.format(folder=folder))
    (folder / "secrets.toml").write_text(SECRETS.format(port=port, provider=provider))
    (folder / "secrets.toml").chmod(0o600)
    argv = launch.command(
        folder / "published", state=folder / "state", port=port, headless=True, config=folder / "config.toml"
    )
    assert "zyxclientsecret" not in " ".join(argv)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            argv, stdout=log, stderr=subprocess.STDOUT, cwd=Path(shell.__file__).parents[1]
        )
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health")
            yield Site(address=f"http://127.0.0.1:{port}", folder=folder)
        finally:
            server.terminate()
            server.wait(timeout=SECONDS)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[sync_api.Page]:
    """A browser that knows nobody."""
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": 1280, "height": 900},
        )
        yield context.pages[0]
        context.close()


def _sign_in(page: sync_api.Page, site: Site, *, email: str) -> None:
    page.goto(site.address)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_placeholder("sub").fill(email)
    page.get_by_role("button", name="Authorize", exact=True).click()
    page.wait_for_url(f"{site.address}/**", timeout=MS)


def _settled(page: sync_api.Page, *, says: str) -> str:
    """All that the page says once it has said this and stands still."""
    page.get_by_text(says).first.wait_for(timeout=MS)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=MS)
    page.wait_for_timeout(500)
    assert page.get_by_test_id("stException").count() == 0
    return page.inner_text("body")


CLOSED = "Sign in to see this dashboard."


def test_somebody_who_has_not_signed_in_sees_nothing_whatever_they_ask_for(
    page: sync_api.Page, site: Site
) -> None:
    forged = "?role=analyst&email=ana%40example.org&is_logged_in=true&config=&sign_in=false"
    for path in ("", "start", "alerts", "export"):
        page.goto(f"{site.address}/{path}{forged}")
        text = _settled(page, says=CLOSED)
        for word in ("Issue", "Anxiety", "Texas", "988", "Trust", "Download"):
            assert word not in text, (path, word)


def test_a_viewer_reads_and_answers_no_alert_and_signs_out(page: sync_api.Page, site: Site) -> None:
    _sign_in(page, site, email=VIEWER)
    assert VIEWER in _settled(page, says="What changed this week").replace("\u2060", "")
    page.goto(f"{site.address}/alerts?status=any&role=analyst")
    _settled(page, says="2 open")
    assert page.get_by_role("button", name="Answer").count() == 0
    page.get_by_role("button", name="Sign out").click()
    # The provider asks whether to sign out there too.
    page.get_by_role("heading", name="Sign out").or_(page.get_by_role("button")).first.wait_for(timeout=MS)
    page.goto(f"{site.address}/alerts")
    assert "2 open" not in _settled(page, says=CLOSED)


def test_an_analyst_answers_an_alert_and_stays_unnamed(page: sync_api.Page, site: Site) -> None:
    _sign_in(page, site, email=ANALYST)
    _settled(page, says="What changed this week")
    page.goto(f"{site.address}/alerts?status=any")
    page.get_by_role("button", name="Answer").first.click(timeout=MS)
    page.get_by_label("Note").first.fill("seen it")
    page.get_by_role("button", name="Resolve").first.click()
    page.get_by_text("seen it").first.wait_for(timeout=MS)
    said = acknowledgements.latest(site.folder / "state")
    assert {item.note for item in said.values()} == {"seen it"}
    for file in (site.folder / "state").iterdir():
        assert b"ana@" not in file.read_bytes()


@pytest.mark.parametrize(
    ("email", "says"), [(STRANGER, "you have no access here"), (UNVERIFIED, "has not verified an e-mail")]
)
def test_a_stranger_and_an_unverified_address_are_turned_away(
    page: sync_api.Page, site: Site, email: str, says: str
) -> None:
    _sign_in(page, site, email=email)
    assert "Issue" not in _settled(page, says=says)
    page.goto(f"{site.address}/export")
    assert "Issue" not in _settled(page, says=says)
    assert page.get_by_role("button", name="Sign out").count() == 1


def test_a_changed_cookie_signs_nobody_in(page: sync_api.Page, site: Site) -> None:
    _sign_in(page, site, email=VIEWER)
    _settled(page, says="What changed this week")
    cookie = next(item for item in page.context.cookies() if item["name"] == "_streamlit_user")
    assert cookie["httpOnly"]
    page.context.add_cookies([cookie | {"value": cookie["value"].strip('"')[:-4] + "AAAA"}])
    page.goto(f"{site.address}/alerts")
    _settled(page, says=CLOSED)


def test_nothing_secret_and_nobody_is_in_the_log(site: Site) -> None:
    for word in ("zyxclientsecret", "a secret of this test", ANALYST, VIEWER, STRANGER):
        assert word not in site.log
