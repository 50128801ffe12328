"""Every sentence of the dashboard is translated, whole, and nothing a user sees goes round the translation."""

from __future__ import annotations

import ast
import datetime as dt
import re
import shutil
import string
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polars as pl
import publication as made_up
import pytest
from babel.messages.pofile import read_po
from streamlit.testing.v1 import AppTest

from dashboard import charts, data, shell, words
from warehouse import translation
from warehouse.labels import spoken

ROOT = Path(shell.__file__).parent
# What the night writes for readers of every language.
WRITTEN_BY_THE_NIGHT = ("flows/page_parts.py", "flows/series_pages.py", "flows/signal_pages.py")
LOCALE = translation.FOLDER
OTHERS = [name for name in translation.LANGUAGES if name != "en"]
TRANSLATING = ("t", "tn", "mark")
# What shows its first argument, or a named one, to a user.
SHOWING = {
    "empty": ("what",),
    "rows": ("alt",),
    "link": ("label",),
    "choice": ("label",),
    "choices": ("label",),
}
NAMED = {"alt", "what", "label", "title_text", "title", "help", "placeholder", "annotation_text"}
WORDS = re.compile(r"[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}")
# For programs, for whoever runs this one, or the same in every language.
NOT_WORDS = re.compile(
    r"<svg|CREATE TABLE|INSERT INTO|PRAGMA|WITH newest|^[xy]?\{\} domain$|^(top|bottom) (left|right)$|^dd MMM"
    r"|expected one of|^Affectcast$|^Language / Idioma$"
)


@cache
def _trees() -> dict[str, ast.Module]:
    files = {str(file.relative_to(ROOT)): file for file in sorted(ROOT.rglob("*.py"))}
    files |= {name: ROOT.parent / name for name in WRITTEN_BY_THE_NIGHT}
    return {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in files.items()}


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            yield name, node


def _owner(call: ast.Call) -> str:
    value = getattr(call.func, "value", None)
    return value.id if isinstance(value, ast.Name) else ""


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@cache
def messages() -> dict[str, str | None]:
    """Every message of the code → its plural, None where it has none."""
    found: dict[str, str | None] = dict.fromkeys(words.FROM_WAREHOUSE)
    for tree in _trees().values():
        for name, call in _calls(tree):
            title = name == "page" and _owner(call) == "shell"
            text = _text(call.args[0]) if call.args and (name in TRANSLATING or title) else None
            if text is not None:
                found[text] = _text(call.args[1]) if name == "tn" else found.get(text)
    return found


def _catalogues(code: str) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """Message → its plural and all translated forms."""
    found: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    with (LOCALE / f"{code}.po").open(encoding="utf-8") as file:
        catalogue = read_po(file, locale=code)
    for message in catalogue:
        if message.id:
            one, many = (message.id, None) if isinstance(message.id, str) else message.id
            forms = (message.string,) if isinstance(message.string, str) else tuple(message.string)
            found[one] = (many, forms)
    return found


def _gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_is_translated_with_its_gaps_and_forms_and_none_is_stale(code: str) -> None:
    wanted, known = messages(), _catalogues(code)
    assert sorted(wanted.keys() - known.keys()) == [], "not translated"
    assert sorted(known.keys() - wanted.keys()) == [], "no longer said anywhere"
    for one, many in wanted.items():
        plural, forms = known[one]
        assert plural == many, one
        assert len(forms) == (1 if many is None else 2), one
        assert all(form.strip() for form in forms), one
        for form in forms:
            # Only the first form, of one thing, may leave its number out.
            allowed = {"n"} if many is not None and form == forms[0] else set()
            assert _gaps(many or one) - _gaps(form) <= allowed, one
            assert _gaps(form) <= _gaps(many or one), one


def test_one_english_text_has_one_plural() -> None:
    plurals: dict[str, set[str | None]] = {}
    for tree in _trees().values():
        for name, call in _calls(tree):
            if name in TRANSLATING and call.args and (text := _text(call.args[0])) is not None:
                plurals.setdefault(text, set()).add(_text(call.args[1]) if name == "tn" else None)
    assert [text for text, found in plurals.items() if len(found) > 1] == []


# Texts that a function is handed: its callers mark them.
HANDED_ON = (
    "t(row['unit'])",
    "t(texts[code])",
    "t(title)",
    "t(why)",
    "t(export.purpose(name))",
    "t(step.look)",
    "t(step.question)",
)


def test_only_marked_constants_are_translated_by_name() -> None:
    """`t(NAME)`, `t(NAME[key])` or `t(text) for text in NAME`; anything else could not be found for translation."""
    found = []
    for file, tree in _trees().items():
        loops = list(_loops(tree))
        for name, call in _calls(tree):
            if name != "t" or not call.args or _text(call.args[0]) is not None:
                continue
            base = call.args[0]
            # A field of one of several, or one of several.
            named = base.value if isinstance(base, ast.Attribute) and not base.attr.isupper() else base
            sources = [base, *(over for target, over in loops if target == getattr(named, "id", ""))]
            if not any(map(_is_constant, sources)) and ast.unparse(call) not in HANDED_ON:
                found.append(f"{file}:{call.lineno} {ast.unparse(call)}")
    assert found == []


def _loops(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Names that run over something: the name and what it runs over."""
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension | ast.For):
            targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
            yield from ((target.id, node.iter) for target in targets if isinstance(target, ast.Name))


def _is_constant(node: ast.expr) -> bool:
    """A constant of a module, one of its entries, or all of them; or what a function was given as `texts`."""
    while isinstance(node, ast.Call | ast.Subscript) or getattr(node, "attr", "") in ("items", "values"):
        node = node.func if isinstance(node, ast.Call) else node.value  # type: ignore[attr-defined]
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name.isupper() or name == "texts"


def _shown_raw(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Literals that a user would see as they are: line and text."""
    skipped = _not_shown(tree)
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            if re.search(r"[A-Za-z]{2,} |[ (][A-Za-z]{2,}", text):
                yield node.lineno, text
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and WORDS.search(node.value):
            yield node.lineno, node.value
        elif isinstance(node, ast.Dict):
            for key in node.keys:
                if (text := _text(key)) and text[0].isupper() and len(text) > 1 and not text.isupper():
                    yield key.lineno, text
        elif isinstance(node, ast.Call):
            yield from _shown_by(node)


def _shown_by(call: ast.Call) -> Iterator[tuple[int, str]]:
    name = getattr(call.func, "attr", "")
    first = call.args[0] if call.args else None
    showing = _owner(call) == "st" or name in SHOWING or name == "form_submit_button"
    given = [first] if showing and name not in ("set_page_config", "page", "columns") else []
    if name == "alias" and _text(first) and str(_text(first))[0].isupper():
        given.append(first)
    given += [keyword.value for keyword in call.keywords if keyword.arg in NAMED]
    for node in given:
        if (text := _text(node)) and re.search("[A-Za-z]{2}", text):
            yield call.lineno, text


def _not_shown(tree: ast.Module) -> set[int]:
    """What is translated, names of what is kept, codes of marked texts or compared with, and docstrings."""
    found: set[int] = set()
    for name, call in _calls(tree):
        if name in TRANSLATING or name == "once":
            found |= {id(node) for argument in call.args for node in ast.walk(argument)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found |= {
                id(key) for key, value in pairs if getattr(getattr(value, "func", None), "id", "") == "mark"
            }
        if isinstance(node, ast.Compare):
            found |= {id(part) for part in node.comparators}
        if isinstance(node, ast.JoinedStr):
            found |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
    return found


@pytest.mark.parametrize("file", sorted(_trees()))
def test_no_text_goes_round_the_translation(file: str) -> None:
    found = [
        f"{file}:{line} {text!r}" for line, text in _shown_raw(_trees()[file]) if not NOT_WORDS.search(text)
    ]
    assert found == []


# --------------------------------------------------------------------------------------------- Spanish


@pytest.fixture
def in_spanish() -> Iterator[None]:
    with translation.speaking("es"):
        yield


@pytest.mark.usefixtures("in_spanish")
def test_numbers_and_days_are_written_as_in_spanish() -> None:
    day = dt.date(2024, 1, 5)
    told = [
        translation.number(12345.6, decimals=1),
        translation.percent(0.123),
        translation.signed(-0.25, decimals=2),
    ]
    assert told == ["12.345,6", "12,3\u00a0%", "-0,25"]
    assert translation.signed_percent(0.031) == "+3,1\u00a0%"
    assert translation.signed(-0.0001, decimals=2) == "+0,00"
    assert [translation.exact(0.0012), translation.exact(2.0)] == ["0,0012", "2"]
    assert [translation.date(day), translation.short_date(day), translation.month(day)] == [
        "05 ene 2024", "05 ene", "ene 2024",
    ]  # fmt: skip
    assert words.difference(0.0123, statistic="share") == "+1,2 puntos"
    assert translation.tn("{n} open", "{n} open", n=1) == "1 abierta"


@pytest.mark.usefixtures("in_spanish")
def test_an_alert_on_a_measure_names_it_in_spanish(published: Path) -> None:
    assert data.load(data.current(published)).label("anger") == "enojo"


@pytest.mark.usefixtures("in_spanish")
def test_a_chart_in_spanish_has_decimal_commas_and_no_month_names() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=k) for k in range(3)]
    frame = pl.DataFrame({"time_value": days, "value": [0.1] * 3, "se": [0.01] * 3, "sample_size": [200] * 3})
    quantiles = pl.DataFrame({"target_end_date": days[-1:], "0.5": [0.1]})
    figure = charts.fan(frame, quantiles=quantiles, statistic="share")
    assert figure.layout.separators == ",."
    assert figure.layout.xaxis.hoverformat == "%d/%m/%Y"
    written = [stop.value for stop in figure.layout.xaxis.tickformatstops]
    assert not any(name in text for text in written for name in ("%b", "%B", "%a", "%A"))
    assert {trace.name for trace in figure.data} >= {"Observado", "Previsión (centro)"}


def test_in_english_a_chart_and_a_number_stay_english() -> None:
    assert (translation.separators(), translation.percent(0.123)) == (".,", "12.3%")
    assert charts.hover_day("x") == "%{x|%d %b %Y}"


TITLES = {
    "overview": "Resumen", "timelines": "Series", "outlook": "Previsión", "alerts": "Alertas", "contagion": "Contagio",
    "words": "Palabras", "signals": "Señales", "trust": "Confianza", "export": "Exportación",
}  # fmt: skip
WORDS_OF_ENGLISH = re.compile(
    r"\b(the|and|of|with|is|not|people|posts?|week|days?|from|by|since|alerts?|forecasts?|withheld|level)\b",
    re.I,
)
# What comes with the data is shown as it came.
FROM_DATA = (made_up.HELP_LINE, "Elsewhere's posts, words of fear", "no text")


@pytest.fixture(scope="session")
def spanish(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up publication with labels in Spanish, as a night writes them."""
    folder = tmp_path_factory.mktemp("spanish") / "published"
    shutil.copytree(published, folder)
    (file,) = folder.glob("*/*/signal_catalogue.parquet")
    catalogue = pl.read_parquet(file)
    labels = [words.capital(spoken(measure, language="es")) for measure in catalogue["measure"]]
    catalogue.with_columns(label_es=pl.Series(labels)).write_parquet(file)
    return folder


def _app(monkeypatch: pytest.MonkeyPatch, *, published: Path, **parameters: str) -> AppTest:
    monkeypatch.setattr(
        sys, "argv", ["app.py", "--published", str(published), "--state", str(published / "s")]
    )
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def _seen(app: AppTest) -> Iterator[str]:
    """Every text of a page that is not in a chart."""
    for kind in (
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "info",
        "success",
        "warning",
        "error",
    ):
        yield from (element.value for element in app.get(kind))
    for chosen in (*app.selectbox, *app.multiselect):
        yield from (chosen.label, *chosen.options)
    for box in (*app.expander, *app.button):
        yield box.label
    for table in app.table:
        yield from map(str, (*table.value.columns, *table.value.to_numpy().ravel()))


@pytest.mark.parametrize("name", shell.PAGES)
def test_each_page_through_the_app_speaks_spanish_and_keeps_it(
    name: str, spanish: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app(monkeypatch, published=spanish, lang="es")
    if name != "overview":
        app.switch_page(f"views/{name}.py").run()
    assert not app.exception
    assert app.title[0].value == TITLES[name]
    assert app.query_params["lang"] in ("es", ["es"])
    seen = [text.replace("\\", "") for text in _seen(app)]
    assert any("Emisión del 03 jun 2024" in text for text in seen)
    if name != "signals":
        english = [text for text in seen if WORDS_OF_ENGLISH.search(text)]
        assert [text for text in english if not any(given in text for given in FROM_DATA)] == []
    assert not any(re.search(r"\d\.\d+ ?%|\d%", text) for text in seen)


def test_the_switch_changes_the_language_and_an_unknown_one_is_ignored(
    spanish: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app(monkeypatch, published=spanish / "nowhere", lang="<b>xx</b>")
    assert not app.exception
    assert app.title[0].value == "Nothing to show yet"
    app.get("button_group")[0].set_value("es").run()
    assert app.title[0].value == "Aún no hay nada que mostrar"
    assert app.query_params["lang"] in ("es", ["es"])
    assert "Ejecute" in app.warning[0].value
