"""What measures are called in charts and files, in English and Spanish, and which way is bad. Computes nothing."""

from __future__ import annotations

from typing import Any

_MEASURES_ES = {
    "anxiety": "ansiedad", "depression": "depresión", "stress": "estrés", "loneliness": "soledad",
    "joy": "alegría", "affection": "afecto", "sadness": "tristeza", "fear": "miedo", "anger": "enojo",
    "positive": "palabras positivas", "negative": "palabras negativas", "disgust": "asco",
    "surprise": "sorpresa", "optimism": "optimismo", "trust": "confianza", "anticipation": "anticipación",
    "hope": "esperanza", "gratitude": "gratitud", "calm": "calma", "shame": "vergüenza y culpa",
    "disappointment": "decepción", "suffering": "sufrimiento", "confusion": "confusión", "illness": "enfermedad",
    "depressed_mood": "ánimo deprimido", "anhedonia": "anhedonia", "appetite_change": "cambios de apetito",
    "sleep_issues": "problemas de sueño", "psychomotor": "agitación o lentitud", "fatigue": "fatiga",
    "worthlessness": "sentimiento de inutilidad", "cognitive_issues": "dificultad para pensar",
    "suicidal_thoughts": "pensamientos suicidas", "social": "social", "physical": "físico", "somatic": "somático",
    "romantic": "romántico", "spiritual": "espiritual", "intellectual": "intelectual", "vocational": "laboral",
    "emotional": "emocional", "preparedness": "preparación", "response": "respuesta", "recovery": "recuperación",
    "mitigation": "mitigación", "support": "apoyo", "empathy_reactions": "empatía: reacciones",
    "empathy_interpretations": "empatía: interpretaciones", "empathy_explorations": "empatía: preguntas",
    "absolutist": "palabras absolutas", "first_person_singular": "primera persona del singular",
    "first_person_plural": "primera persona del plural", "valence": "valencia", "arousal": "activación",
    "dominance": "dominancia", "depression_none": "sin depresión", "depression_moderate": "depresión moderada",
    "depression_severe": "depresión grave", "burdensomeness": "sentirse una carga", "suicidality": "riesgo suicida",
    "wellness_spiritual": "bienestar espiritual", "wellness_physical": "bienestar físico",
    "wellness_intellectual": "bienestar intelectual", "wellness_social": "bienestar social",
    "wellness_vocational": "bienestar laboral", "wellness_emotional": "bienestar emocional",
    "cause_bias_abuse": "causa: discriminación o abuso", "cause_work": "causa: trabajo",
    "cause_medication": "causa: medicación", "cause_relationship": "causa: pareja",
    "cause_alienation": "causa: aislamiento", "cause_financial": "causa: dinero", "cause_health": "causa: salud",
    "cause_school": "causa: estudios", "cause_family": "causa: familia", "cause_social": "causa: vida social",
    "cause_emotional": "causa: vida emocional", "cause_everyday": "causa: vida diaria",
}  # fmt: skip
_SCORERS_ES = {
    "symptoms": "síntomas", "loneliness": "soledad", "wellness": "bienestar", "crisis": "crisis",
    "support": "apoyo", "style": "estilo", "argentina": "dimensiones",
}  # fmt: skip
# Scorers whose measures speak for themselves.
_UNNAMED = {
    "lexicon",
    "lexicon_rate",
    "emotion",
    "emotion_fast",
    "mental_health",
    "mental_health_fast",
    "plutchik",
    "feelings",
    "support",
    "vad",
    "style",
    "style_rate",
}
_BETTER = {"joy", "affection", "positive", "optimism", "trust", "hope", "gratitude", "calm", "support", "valence",
           "empathy_reactions", "empathy_interpretations", "empathy_explorations", "depression_none"}  # fmt: skip
_NEUTRAL = {"surprise", "anticipation", "arousal", "dominance"}
# What a post speaks of, not how it goes.
_NEUTRAL_BEGINNINGS = ("wellness_", "cause_")
_NEUTRAL_SCORERS = {"wellness", "crisis", "style", "style_rate"}
_BASIS = {"presence": ("words", "palabras"), "rate": ("words per token", "palabras por token"),
          "mean": ("word scores", "puntajes de palabras"), "sets": ("sets of words", "conjuntos de palabras"),
          "probability": ("model", "modelo")}  # fmt: skip
_FAST = ("fast model", "modelo rápido")
_GRADED = "mean grade, 0 to 1"
_UNITS = {"rate": "mean hits per token", "mean": "mean score, 0 to 1", "sets": "mean share of markers",
          "probability": "mean probability"}  # fmt: skip


def labels(card: dict[str, Any], *, measure: str) -> tuple[str, str]:
    """What a scorer's measure is called in English and Spanish; `card` is what the scorer describes itself as."""
    named = "" if card["scorer"] in _UNNAMED else card["scorer"]
    english, spanish = spoken(measure), spoken(measure, language="es")
    english = f"{named.replace('_', ' ')}: {english}" if named else english
    spanish = f"{_SCORERS_ES.get(named, named.replace('_', ' '))}: {spanish}" if named else spanish
    basis_en, basis_es = _FAST if card.get("tier") == "fast" else _BASIS[card["scale"]]
    return (
        f"{english[:1].upper()}{english[1:]} ({basis_en}",
        f"{spanish[:1].upper()}{spanish[1:]} ({basis_es}",
    )


def spoken(measure: str, *, language: str = "en") -> str:
    """A measure as it is said within a sentence; in English where the language has no word for it here."""
    plain = measure.replace("_", " ")
    return _MEASURES_ES.get(measure, plain) if language == "es" else plain


def unit(card: dict[str, Any], *, measure: str, statistic: str) -> str:
    """What a signal's numbers are."""
    if statistic == "share":
        return "share of people"
    return _GRADED if measure in card.get("means_only", ()) else _UNITS[card["scale"]]


def direction(card: dict[str, Any], *, measure: str) -> str:
    """Whether more of a measure is better, worse or neither; neither where nobody has said, as in added lexicons."""
    known = measure in _MEASURES_ES and measure not in _NEUTRAL and card["scorer"] not in _NEUTRAL_SCORERS
    if not known or measure.startswith(_NEUTRAL_BEGINNINGS):
        return "neutral"
    return "higher_is_better" if measure in _BETTER else "higher_is_worse"
