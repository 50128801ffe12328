"""Who may read and who may answer: from claims alone, on every page, and in the file that signs people in."""

from __future__ import annotations

import sys
from http.client import BadStatusLine, HTTPException, InvalidURL
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import access, launch, shell, sign_in
from warehouse.config import Config, DashboardConfig, load_config, parse_config, provider_address
from warehouse.errors import ConfigError

NOW = 1_800_000_000.0
RULES = DashboardConfig(sign_in=True, analysts=("ana@example.org",))
ROOT = Path(shell.__file__).parent
VIEWS = {name: ROOT / "views" / f"{name}.py" for name in shell.PAGES}
TIMEOUT = 60


def claims(**given: object) -> dict[str, object]:
    """What a provider says of somebody who signed in an hour ago."""
    usual = {"is_logged_in": True, "iat": NOW - 3600, "email": "vera@example.org", "email_verified": True}
    return usual | given


def role(found: access.Person | access.Refusal) -> str:
    return found.role if isinstance(found, access.Person) else "nobody"


@pytest.mark.parametrize(
    ("given", "rules", "wanted"),
    [
        ({}, {}, "viewer"),
        ({"email": "Ana@Example.org"}, {}, "analyst"),
        ({"email": "ana@example.org", "email_verified": "true"}, {}, "analyst"),
        ({"email": "ana@example.org", "email_verified": False}, {}, "nobody"),
        ({"email": "ana@example.org", "email_verified": None}, {}, "nobody"),
        ({"email": "ana@example.org", "email_verified": "false"}, {}, "nobody"),
        ({"email": "ana@example.org", "email_verified": 1}, {}, "nobody"),
        ({"email": ["ana@example.org"]}, {}, "nobody"),
        ({"email": "ana@example.org@evil.example"}, {}, "nobody"),
        ({"email": "ana@example.org "}, {}, "nobody"),
        ({"email": "ana@example.ⓞrg"}, {}, "nobody"),
        ({"email": "ana@example.org\n"}, {}, "nobody"),
        ({}, {"default_role": "none"}, "nobody"),
        ({"email": "ana@example.org"}, {"default_role": "none"}, "analyst"),
        ({}, {"allowed_domains": ("example.org",)}, "viewer"),
        ({"email": "a@sub.example.org"}, {"allowed_domains": ("example.org",)}, "nobody"),
        ({"email": "a@evilexample.org"}, {"allowed_domains": ("example.org",)}, "nobody"),
        ({"email": None, "roles": ["analyst"]}, {"role_claim": "roles"}, "analyst"),
        ({"email": None, "roles": "viewer"}, {"role_claim": "roles"}, "viewer"),
        ({"email": None, "roles": "analyst viewer"}, {"role_claim": "roles"}, "nobody"),
        ({"email": None, "roles": {"analyst": True}}, {"role_claim": "roles"}, "nobody"),
        ({"email": None, "roles": [["analyst"]]}, {"role_claim": "roles"}, "nobody"),
        ({"email": None, "roles": ["analyst"]}, {}, "nobody"),
        (
            {"email": None, "roles": ["analyst"]},
            {"role_claim": "roles", "allowed_domains": ("example.org",)},
            "nobody",
        ),
        ({"role": "analyst", "analyst": True}, {}, "viewer"),
    ],
)
def test_roles_come_from_verified_addresses_and_the_role_claim_only(
    given: dict[str, object], rules: dict[str, Any], wanted: str
) -> None:
    chosen = DashboardConfig(**(RULES.model_dump() | rules))
    assert role(access.judge(claims(**given), rules=chosen, now=NOW)) == wanted


@pytest.mark.parametrize("logged_in", [False, None, 1, "true"])
def test_only_a_plain_yes_counts_as_signed_in(logged_in: object) -> None:
    assert access.judge(claims(is_logged_in=logged_in), rules=RULES, now=NOW) == access.Refusal(
        why=access.NOT_SIGNED_IN
    )


@pytest.mark.parametrize("issued", [None, "1800000000", True, NOW - 12 * 3600 - 1, NOW + 3600, float("nan")])
def test_a_sign_in_that_is_old_or_of_no_known_time_has_ended(issued: object) -> None:
    found = access.judge(claims(iat=issued), rules=RULES, now=NOW)
    assert found == access.Refusal(why=access.TOO_LONG_AGO)


@given(
    st.dictionaries(
        st.sampled_from(["is_logged_in", "iat", "email", "email_verified", "roles", "name"]),
        st.none()
        | st.booleans()
        | st.floats()
        | st.text(max_size=9)
        | st.lists(st.text(max_size=9), max_size=3),
    )
)
def test_whatever_a_provider_says_is_judged_and_never_makes_an_analyst_by_chance(
    drawn: dict[str, Any],
) -> None:
    rules = RULES.model_copy(update={"role_claim": "roles"})
    found = role(access.judge(drawn, rules=rules, now=NOW))
    named = drawn.get("roles")
    assert found != "analyst" or named == "analyst" or (isinstance(named, list) and "analyst" in named)


# ------------------------------------------------------------------------------------------- pages


SECRETS = """
[auth]
redirect_uri = "https://affect.example.org/oauth2callback"
cookie_secret = "a secret of this test, of more than 32 characters"
client_id = "affectcast"
client_secret = "zyxclientsecret"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
"""


def _configured(folder: Path, *, secrets: str = SECRETS, extra: str = "") -> Path:
    """A configuration with sign-in on."""
    path = folder / "secrets.toml"
    path.write_text(secrets)
    path.chmod(0o600)
    config = folder / "config.toml"
    config.write_text(
        f'[dashboard]\nsign_in = true\nsecrets = "{path}"\nanalysts = ["ana@example.org"]\n{extra}'
    )
    return config


@pytest.fixture
def guarded(tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dashboard with sign-in on; its configuration."""
    config = _configured(tmp_path)
    arguments = ["--published", str(published), "--state", str(tmp_path / "state"), "--config", str(config)]
    monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
    return config


def _run(script: Path, *, user: dict[str, object], **parameters: str) -> AppTest:
    app = AppTest.from_file(str(script), default_timeout=TIMEOUT)
    app.user = user
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def _signed_in(email: str) -> dict[str, object]:
    issued = access.dt.datetime.now(access.dt.UTC).timestamp() - 60
    return {"is_logged_in": True, "iat": issued, "email": email, "email_verified": True}


def _said(app: AppTest) -> str:
    parts = [
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
    ]
    return "\n".join(str(element.value) for part in parts for element in part).replace("\\", "")


@pytest.mark.parametrize("name", ["app", *shell.PAGES])
def test_no_page_opens_anything_before_somebody_has_signed_in(
    name: str, guarded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("something was opened")

    for what in ("current", "load"):
        monkeypatch.setattr(f"dashboard.data.{what}", opened)
    file = ROOT / "app.py" if name == "app" else VIEWS[name]
    forged = {
        "role": "analyst",
        "is_logged_in": "true",
        "email": "ana@example.org",
        "config": "",
        "file": "../x",
    }
    app = _run(file, user={}, **forged)
    assert not app.exception
    assert [element.value for element in app.info] == ["Sign in to see this dashboard."]
    assert [button.label for button in app.button] == ["Sign in"]
    assert len(app.dataframe) + len(app.table) + len(app.markdown) == 0


def test_a_viewer_sees_alerts_without_a_way_to_answer_and_an_analyst_has_one(guarded: Path) -> None:
    for email, forms in (("vera@example.org", 0), ("ana@example.org", 2)):
        app = _run(VIEWS["alerts"], user=_signed_in(email), role="analyst", status="open")
        assert not app.exception
        assert "2 open" in _said(app)
        assert f"Signed in as {email}" in _said(app).replace("\u2060", "")
        notes = [element for element in app.text_input if element.label.startswith("Note")]
        assert (len(notes) > 0) == (forms > 0), email


def test_somebody_without_access_can_only_sign_out(guarded: Path) -> None:
    app = _run(VIEWS["overview"], user=_signed_in("ana@example.org") | {"email_verified": False})
    assert "has not verified an e-mail address" in _said(app)
    assert [button.label for button in app.button] == ["Sign out"]


def test_a_provider_that_does_not_answer_is_said_in_words(guarded: Path) -> None:
    app = _run(VIEWS["overview"], user={})
    app.button(key="sign_in").click().run()
    assert not app.exception
    assert [element.value for element in app.error] == [sign_in.NO_ANSWER]


@pytest.mark.parametrize(
    "error", [BadStatusLine("?"), InvalidURL("?"), HTTPException(), OSError(), ValueError()]
)
def test_whatever_a_provider_answers_wrongly_is_no_answer(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sign_in.urllib.request, "urlopen", answer)
    assert not sign_in._answers("https://provider.example")


@pytest.mark.parametrize(
    "options", [["--conifg", "c.toml"], ["--conf", "c.toml"], ["--config"], ["c.toml"], ["--headless"]]
)
def test_options_that_nobody_knows_are_refused(options: list[str]) -> None:
    with pytest.raises(ConfigError):
        shell.settings(["--published", "p", *options])
    assert shell.settings([]) == shell.settings(["--published", "published", "--state", "state"])


def test_a_misspelt_option_closes_the_dashboard_rather_than_open_it_for_everybody(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "--published", str(published), "--conifg", "c.toml"])
    app = _run(ROOT / "app.py", user={})
    assert not app.exception
    assert [element.value for element in app.info] == [shell.WRONG_OPTIONS]
    assert len(app.button) + len(app.markdown) + len(app.caption) == 0


def test_what_is_handed_out_is_judged_when_it_is_asked_for(
    guarded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = access.dt.datetime.now(access.dt.UTC).timestamp()
    for age, ended in ((60, False), (60, True), (12 * 3600 + 1, False)):
        user = _signed_in("vera@example.org") | {"iat": now - age, "nonce": f"{age} {ended}"}
        monkeypatch.setattr(access.st, "user", _Session(user))
        made = access.guarded(lambda: b"zip", config=guarded)
        if ended:
            access.end(user)
            assert access.current(guarded) == access.Refusal(why=access.NOT_SIGNED_IN)
        if ended or age > 60:
            with pytest.raises(PermissionError):
                made()
        else:
            assert made() == b"zip"


class _Session:
    """The user of a session as Streamlit gives it."""

    def __init__(self, claims: dict[str, object]) -> None:
        self.claims = claims

    def to_dict(self) -> dict[str, object]:
        return self.claims


def test_a_broken_set_up_closes_every_page_and_says_nothing_of_it(
    tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _configured(tmp_path, secrets="[auth]\nclient_secret = 'zyxclientsecret'\n")
    monkeypatch.setattr(sys, "argv", ["app.py", "--published", str(published), "--config", str(config)])
    for file in (ROOT / "app.py", VIEWS["alerts"]):
        app = _run(file, user=_signed_in("ana@example.org"))
        assert not app.exception
        assert [element.value for element in app.info] == [sign_in.NOT_SET_UP]
        assert "Issue" not in _said(app)


def test_without_sign_in_everybody_may_answer_and_nobody_is_named(
    tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text("[dashboard]\nsign_in = false\n")
    arguments = [
        "--published",
        str(published),
        "--state",
        str(tmp_path),
        "--config",
        str(tmp_path / "config.toml"),
    ]
    monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
    app = _run(VIEWS["alerts"], user={})
    assert any(element.label.startswith("Note") for element in app.text_input)
    assert "Signed in" not in _said(app)


# --------------------------------------------------------------------------------- files and settings


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[auth]", "[other]", "has no section [auth]"),
        ('client_id = "affectcast"', "", "lacks client_id"),
        ('client_id = "affectcast"', 'client_id = ""', "lacks client_id"),
        ("a secret of this test, of more than 32 characters", "zyxshort", "shorter than 32"),
        ("/oauth2callback", "/", "must end with /oauth2callback"),
        ("https://affect", "http://affect", "redirect_uri must start with https"),
        ("http://127.0.0.1:9", "file://", "server_metadata_url must start with https"),
        ("http://127.0.0.1:9", "http://provider.example", "server_metadata_url must start with https"),
        ("http://127.0.0.1:9", "https://[zyx", "server_metadata_url is not an address"),
        ("https://affect.example.org", "https://[zyx", "redirect_uri is not an address"),
        ("[auth]", "[auth\nzyxsecret", "is not valid TOML"),
    ],
)
def test_a_wrong_file_of_secrets_is_told_without_quoting_it(
    old: str, new: str, says: str, tmp_path: Path
) -> None:
    _configured(tmp_path, secrets=SECRETS.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        provider_address(tmp_path / "secrets.toml")
    assert says in caught.value.message
    assert "zyx" not in caught.value.message


def test_secrets_that_everybody_can_read_or_that_are_missing_are_refused(tmp_path: Path) -> None:
    _configured(tmp_path)
    assert provider_address(tmp_path / "secrets.toml").startswith("http://127.0.0.1:9/")
    (tmp_path / "secrets.toml").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        provider_address(tmp_path / "secrets.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        provider_address(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "section",
    [
        {"analysts": ["ana"]},
        {"analysts": ["Ana@example.org"]},
        {"analysts": ["ana@example.org"], "allowed_domains": ["other.example"]},
        {"allowed_domains": ["@example.org"]},
        {"default_role": "analyst"},
        {"hours": 0},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(section: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="dashboard"):
        parse_config({"dashboard": section}, where="test")


def test_who_may_look_changes_no_result() -> None:
    assert Config(dashboard=RULES).sha256 == Config().sha256


def test_no_secret_is_on_the_command_line(tmp_path: Path) -> None:
    config = _configured(tmp_path)
    argv = launch.command(tmp_path, state=tmp_path, port=1, headless=True, config=config)
    assert argv[argv.index("--secrets.files") + 1] == str(load_config(config).dashboard.secrets)
    assert argv[-2:] == ["--config", str(config)]
    assert not [part for part in argv if "zyx" in part or "@" in part]
