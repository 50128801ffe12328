"""Every word of a brief, in each language side by side, and numbers and days as that language writes them.

Not for choosing what to say. Templates hold no markup; the page escapes whatever comes out of here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["en", "es"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "es")
MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
}
# Key → English, Spanish.
TEXTS: Final[dict[str, tuple[str, str]]] = {
    # ---- heading
    "title": ("Mood of public posts: {place}", "Ánimo en publicaciones: {place}"),
    "all": ("All places", "Todos los lugares"),
    "subtitle": (
        "{period} · issued {issue} · provisional",
        "{period} · emitido el {issue} · provisional",
    ),
    "week": ("Week to {day}", "Semana hasta el {day}"),
    "day": ("{day}", "{day}"),
    "in_week": ("in the week to {day}", "en la semana hasta el {day}"),
    "in_day": ("on {day}", "el {day}"),
    "demo": (
        "Demonstration: these numbers are made up and describe nobody.",
        "Demostración: estas cifras son inventadas y no describen a nadie.",
    ),
    # ---- headline
    "headline": (
        "{label} was found in the posts of {value} of people {period} (95% interval {low} to {high}; {people}).",
        "{label} apareció en las publicaciones del {value} de las personas {period} (intervalo del 95 %: {low} a "
        "{high}; {people}).",
    ),
    "change_up": (
        "That is {change} more than {before}: {verdict}.",
        "Son {change} más que {before}: {verdict}.",
    ),
    "change_down": (
        "That is {change} less than {before}: {verdict}.",
        "Son {change} menos que {before}: {verdict}.",
    ),
    "usual": (
        "In the {n} values before it lay between {low} and {high}, half of them above {middle}.",
        "En los {n} valores anteriores estuvo entre {low} y {high}, la mitad por encima de {middle}.",
    ),
    "expected": (
        "For {ahead}, {middle} is expected (95% range {low} to {high}): {way}.",
        "Para {ahead} se espera {middle} (rango del 95 %: {low} a {high}): {way}.",
    ),
    "open_none": ("No alert is open.", "No hay alertas abiertas."),
    "open_one": ("One alert is open.", "Hay una alerta abierta."),
    "open_many": ("{n} alerts are open.", "Hay {n} alertas abiertas."),
    "before_week": ("the week before", "la semana anterior"),
    "before_day": ("a week earlier", "una semana antes"),
    "no_before": (
        "There is no value of {before} to compare with.",
        "No hay valor de {before} para comparar.",
    ),
    "nothing": (
        "Nothing can be said of {place} {period}: every mood is withheld to protect people.",
        "Nada puede decirse de {place} {period}: todo se retiene para proteger a las personas.",
    ),
    "people": ("{n} people", "{n} personas"),
    "posts": ("{n} posts, authors unknown", "{n} publicaciones, autores desconocidos"),
    "people_unknown": ("number of people not published", "número de personas no publicado"),
    "points": ("{n} points", "{n} puntos"),
    "noise": ("within sampling noise", "dentro del ruido muestral"),
    "unclear": (
        "may be chance, since {m} moods were compared",
        "puede ser azar, pues se compararon {m} estados de ánimo",
    ),
    "clear": (
        "more than noise, even with {m} moods compared",
        "más que ruido, aun comparando {m} estados de ánimo",
    ),
    "clear_one": ("more than noise", "más que ruido"),
    "unknown": ("cannot be judged", "no puede juzgarse"),
    # ---- table
    "table": ("What moved most, and what is expected", "Lo que más cambió y lo que se espera"),
    "col_mood": ("Mood", "Estado de ánimo"),
    "col_now": ("{period} (95% interval)", "{period} (intervalo 95 %)"),
    "col_n": ("People", "Personas"),
    "col_change": ("Change from {before}", "Cambio desde {before}"),
    "col_next": ("Outlook for {day} (95% range)", "Previsión para {day} (rango 95 %)"),
    "col_skill": ("Such forecasts so far", "Tales previsiones hasta hoy"),
    "week_of": ("the week to {day}", "la semana hasta el {day}"),
    "day_of": ("{day}", "el {day}"),
    "range": ("{low} to {high}", "{low} a {high}"),
    "no_outlook_week": ("no forecast by week", "sin previsión por semanas"),
    "no_outlook_day": ("no forecast by day", "sin previsión por días"),
    "higher": ("higher", "más alto"),
    "lower": ("lower", "más bajo"),
    "same": ("about as now", "como ahora"),
    "no_way": ("no direction can be said", "sin dirección previsible"),
    "skill_unknown": ("not yet compared with a flat line", "aún sin comparar con una línea plana"),
    "skill_none": ("no better than a flat line", "no mejores que una línea plana"),
    "skill_some": ("{share} less error than a flat line", "{share} menos error que una línea plana"),
    "limited": ("past too short to trust the range", "pasado demasiado corto para fiarse del rango"),
    "fallback": ("no model could be fitted: a flat line", "ningún modelo pudo ajustarse: línea plana"),
    "low_reliability": ("few people: read with care", "pocas personas: leer con cautela"),
    "flat_line": (
        "A flat line says that the newest values go on; a forecast no better than it tells how uncertain the future "
        "is, not where it goes.",
        "Una línea plana dice que los últimos valores siguen; una previsión no mejor que ella indica cuán incierto es "
        "el futuro, no hacia dónde va.",
    ),
    "picked": (
        "Shown of {m} compared: those with an open alert, then the largest changes against their own error.",
        "De {m} comparados: los que tienen una alerta abierta, luego los mayores cambios frente a su propio error.",
    ),
    "withheld": (
        "{n} of {m} moods are withheld {period} to protect people: too few of them{floor}, too few with that mood, or "
        "derivable from other numbers.",
        "{n} de {m} estados de ánimo se retienen {period} para proteger a las personas: muy pocas{floor}, muy pocas "
        "con ese ánimo, o deducible de otras cifras.",
    ),
    "floor": (" (fewer than {n})", " (menos de {n})"),
    "none_withheld": ("No mood is withheld {period}.", "Nada se retiene {period}."),
    "peak": (
        "Chance of an unusual high of {label} within {days} days: {chance}; usual: {usual}.",
        "Probabilidad de un alza inusual de {label} en {days} días: {chance}; lo habitual: {usual}.",
    ),
    # ---- alerts
    "alerts": ("Open alerts", "Alertas abiertas"),
    "no_alerts": ("No alert is open for {place}.", "No hay alertas abiertas para {place}."),
    "more_alerts": ("{n} more in alerts.csv.", "{n} más en alerts.csv."),
    "alerts_within": ("Open alerts within it: {places}.", "Alertas abiertas dentro: {places}."),
    "and_more": ("{n} more places", "{n} lugares más"),
    "alert_title": ("{kind} ({severity} severity): {label}.", "{kind} (gravedad {severity}): {label}."),
    "severity_high": ("high", "alta"),
    "severity_medium": ("medium", "media"),
    "severity_low": ("low", "baja"),
    "prevalence_high": ("Unusually high level", "Nivel inusualmente alto"),
    "prevalence_rise": ("Higher for weeks", "Más alto desde hace semanas"),
    "forecast_high": ("Forecast to become high", "Se prevé un nivel alto"),
    "contagion": ("Replies go along with what they answer", "Las respuestas siguen a lo que responden"),
    "data_break": ("Break in the data, not in mood", "Corte en los datos, no en el ánimo"),
    "past_hits": (
        "Of such alerts so far, {share} were right.",
        "De tales alertas hasta hoy acertó el {share}.",
    ),
    "past_unknown": (
        "How often such alerts were right is not known.",
        "No se sabe cuántas de tales alertas acertaron.",
    ),
    # Where the published sentence is in another language than the brief.
    "alert_facts": (
        "{label}: observed {observed}, expected {expected}, since {since} ({people}).",
        "{label}: observado {observed}, esperado {expected}, desde el {since} ({people}).",
    ),
    "alert_since": ("{label}, since {since}.", "{label}, desde el {since}."),
    "false_alerts": (
        "Over all places at most {n} false alerts of highs and rises a week are to be expected.",
        "Entre todos los lugares cabe esperar a lo sumo {n} alertas falsas de alzas por semana.",
    ),
    # ---- data
    "breaks": (
        "The data of this place changed on {days}: numbers before and after do not compare well.",
        "Los datos de este lugar cambiaron el {days}: las cifras de antes y después no se comparan bien.",
    ),
    # ---- chart
    "chart_title": ("{label}, {place}", "{label}, {place}"),
    "chart_alt": (
        "Line chart of {label} in {place} from {first} to {last}; newest value {value} (95% interval {low} to "
        "{high}). {fan} Bars below show the people behind each value.",
        "Gráfico de línea de {label} en {place} desde el {first} hasta el {last}; último valor {value} (intervalo del "
        "95 %: {low} a {high}). {fan} Las barras de abajo muestran cuántas personas hay tras cada valor.",
    ),
    "chart_fan": (
        "The forecast for {day} is {middle}, with a 95% range of {low} to {high}.",
        "La previsión para el {day} es {middle}, con un rango del 95 % de {low} a {high}.",
    ),
    "no_forecast_week": ("It has no forecast by week.", "No tiene previsión por semanas."),
    "no_forecast_day": ("It has no forecast by day.", "No tiene previsión por días."),
    "axis_share": ("Share of people", "Parte de las personas"),
    "axis_people": ("People", "Personas"),
    "axis_week": ("Below: last day of the week", "Abajo: último día de la semana"),
    "axis_day": ("Below: day", "Abajo: día"),
    "key_seen": ("observed, 95% interval", "observado, intervalo 95 %"),
    "key_fan": ("forecast: 50, 80, 95% range", "previsión: rango 50, 80, 95 %"),
    "key_withheld": ("withheld", "retenido"),
    "key_break": ("data changed", "cambio en los datos"),
    # ---- limits
    "limits": ("What these numbers are, and are not for", "Qué son estas cifras y para qué no sirven"),
    "limit_who": (
        "Shares of people who posted in public and could be placed here, one vote each. Software reads the posts, by "
        "lists of words or by a trained model, and errs; intervals hold sampling error only.",
        "Partes de las personas que publicaron en abierto y pudieron ubicarse aquí, un voto cada una. Un programa lee "
        "los textos, con listas de palabras o un modelo entrenado, y se equivoca; los intervalos solo recogen el error "
        "muestral.",
    ),
    "must_not": ("Must not be used:", "No deben usarse:"),
    "revised": (
        "Of {m} such values of the last year, {n} changed after their first issue, by {size} on average.",
        "De {m} valores así del último año, {n} cambiaron tras su primera emisión, {size} de media.",
    ),
    "unrevised": (
        "None of {m} such values of the last year changed after its first issue.",
        "Ninguno de los {m} valores así del último año cambió tras su primera emisión.",
    ),
    "provisional": (
        "Provisional: known on {issue}, and late posts may change it.",
        "Provisional: lo conocido el {issue}; publicaciones tardías pueden cambiarlo.",
    ),
    "assumed": (
        "Computed afterwards, as it would have been known on that day.",
        "Calculado después, tal como se habría conocido ese día.",
    ),
    "reference": (
        "Forecasts know data up to {day}.",
        "Las previsiones conocen datos hasta el {day}.",
    ),
    "source": (
        "Issue {issue}, version {version}, place {code}. Every number: observed.csv, policy_summary.csv.",
        "Emisión {issue}, versión {version}, lugar {code}. Todas las cifras: observed.csv, policy_summary.csv.",
    ),
    "help": ("Need to talk to someone?", "¿Necesita hablar con alguien?"),
}
# `warehouse.limits.MUST_NOT`, line by line.
MUST_NOT_ES = (
    "para juzgar, diagnosticar, buscar o contactar a nadie; ninguna cifra es sobre una persona",
    "para clasificar lugares: el nivel de una lista de palabras depende de cómo se escribe allí",
    "como tasa de enfermedad: palabras de tristeza no son depresión",
    "como el ánimo de todos: quien no publica, o no en abierto, no está",
    "como prueba de que un suceso causó un cambio: hubo otras cosas esa semana",
    "como única razón de una decisión",
)


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: Language

    def __call__(self, key: str, /, **values: str) -> str:
        """The text of `key` with its gaps filled."""
        return TEXTS[key][LANGUAGES.index(self.language)].format(**values)

    def day(self, day: dt.date) -> str:
        """`2 Jun 2024`, whatever the machine's own language is."""
        return f"{day.day} {MONTHS[self.language][day.month - 1]} {day.year}"

    def month(self, day: dt.date) -> str:
        """`2 Jun`, for an axis."""
        return f"{day.day} {MONTHS[self.language][day.month - 1]}"

    def share(self, value: float, *, decimals: int = 1) -> str:
        """`12.3%`, in Spanish `12,3 %`."""
        return self._local(f"{value * 100:.{decimals}f}") + ("\u00a0%" if self.language == "es" else "%")

    def amount(self, value: float, *, statistic: str) -> str:
        """A level: a share as a percentage, any other with three decimals."""
        return self.share(value) if statistic == "share" else self._local(f"{value:.3f}")

    def change(self, value: float, *, statistic: str) -> str:
        """The size of a change, without sign: percentage points for shares."""
        if statistic == "share":
            return self("points", n=self._local(f"{abs(value) * 100:.1f}"))
        return self._local(f"{abs(value):.3f}")

    def count(self, number: int) -> str:
        """`1,235`, in Spanish `1.235`."""
        text = f"{number:,}"
        return text.replace(",", ".") if self.language == "es" else text

    def decimal(self, number: float) -> str:
        """A number with one decimal."""
        return self._local(f"{number:.1f}")

    def _local(self, number: str) -> str:
        return number.replace(".", ",") if self.language == "es" else number
