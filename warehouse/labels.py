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
    "dominance": "dominancia",
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
    "plutchik",
    "feelings",
    "support",
    "vad",
    "style",
    "style_rate",
}
_BETTER = {"joy", "affection", "positive", "optimism", "trust", "hope", "gratitude", "calm", "support", "valence",
           "empathy_reactions", "empathy_interpretations", "empathy_explorations"}  # fmt: skip
_NEUTRAL = {"surprise", "anticipation", "arousal", "dominance"}
_NEUTRAL_SCORERS = {"wellness", "crisis", "style", "style_rate"}
_BASIS = {"presence": ("words", "palabras"), "rate": ("words per token", "palabras por token"),
          "mean": ("word scores", "puntajes de palabras"), "sets": ("sets of words", "conjuntos de palabras"),
          "probability": ("model", "modelo")}  # fmt: skip
_UNITS = {"rate": "mean hits per token", "mean": "mean score, 0 to 1", "sets": "mean share of markers",
          "probability": "mean probability"}  # fmt: skip


def labels(card: dict[str, Any], *, measure: str) -> tuple[str, str]:
    """What a scorer's measure is called in English and Spanish; `card` is what the scorer describes itself as."""
    named = "" if card["scorer"] in _UNNAMED else card["scorer"]
    spoken = measure.replace("_", " ")
    english = f"{named.replace('_', ' ')}: {spoken}" if named else spoken
    spanish = _MEASURES_ES.get(measure, spoken)
    spanish = f"{_SCORERS_ES.get(named, named.replace('_', ' '))}: {spanish}" if named else spanish
    basis_en, basis_es = _BASIS[card["scale"]]
    return (
        f"{english[:1].upper()}{english[1:]} ({basis_en}",
        f"{spanish[:1].upper()}{spanish[1:]} ({basis_es}",
    )


def unit(card: dict[str, Any], *, statistic: str) -> str:
    """What a signal's numbers are."""
    return "share of people" if statistic == "share" else _UNITS[card["scale"]]


def direction(card: dict[str, Any], *, measure: str) -> str:
    """Whether more of a measure is better, worse or neither; neither where nobody has said, as in added lexicons."""
    known = measure in _MEASURES_ES and measure not in _NEUTRAL and card["scorer"] not in _NEUTRAL_SCORERS
    if not known:
        return "neutral"
    return "higher_is_better" if measure in _BETTER else "higher_is_worse"
