"""Read lexicons that list words under themes or concepts: Empath and SentiSense.

Not for looking up WordNet: a concept whose words are not in the file has no words here.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from lexicons.formats.build import Entry, Reading, left_out
from lexicons.formats.source import Source, at_line
from warehouse.errors import InputError

CATEGORY_NAMES = ("emotion", "category")
WORD_NAMES = frozenset({"lemma", "lemmas", "word", "words", "literal", "literals", "synonym", "synonyms"})
_SEPARATOR = re.compile(r"[,;|]")
_ENTITY = re.compile(r"<!\s*(?:ENTITY|DOCTYPE)", re.IGNORECASE)


def read_empath(source: Source) -> Reading:
    """Read one category per line: its name, then its words, between tabs; underscores are spaces.

    Raises:
        InputError: a line without a category.
    """
    entries: list[Entry] = []
    names: list[str] = []
    for number, line in source.lines():
        name, *words = [cell.strip() for cell in line.split("\t")]
        if not name:
            raise at_line(source.path, number, "begins with a tab", "a category and its words")
        names.append(name)
        entries += [(word.replace("_", " "), name, 1.0) for word in words if word]
    return Reading(entries, "presence", (), tuple(dict.fromkeys(names)))


def read_sentisense(source: Source) -> Reading:
    """Read concepts that have an emotion and, as attributes, child elements or text, their words.

    The published file names concepts by WordNet number only; one needs the words added from WordNet.

    Raises:
        InputError: malformed XML, no concept with an emotion, or no concept with words.
    """
    concepts = list(_concepts(_parse(source)))
    if not concepts:
        raise InputError(
            f"{source.path} has no element with an attribute 'emotion' or 'category'. Expected concepts with one. "
            "Check that it is the file of synsets, not the one of categories."
        )
    entries = [(word, emotion, 1.0) for emotion, words in concepts for word in words]
    wordless = sum(not words for _, words in concepts)
    if wordless == len(concepts):
        raise InputError(
            f"{source.path} has {wordless} concepts and no words: it names them by WordNet number only. "
            "Expected words in an attribute 'lemmas' or in elements 'lemma'. Add them from the WordNet version "
            "the file was made for."
        )
    return Reading(
        entries, "presence", left_out(wordless, "concept", "no words in them, only a WordNet number")
    )


def _parse(source: Source) -> ElementTree.Element:
    declared = _ENTITY.search(source.text)
    if declared:
        line = source.text.count("\n", 0, declared.start()) + 1
        raise at_line(source.path, line, "declares a document type or entities", "plain XML", "Remove it.")
    try:
        return ElementTree.fromstring(source.text.lstrip())
    except ElementTree.ParseError as error:
        raise at_line(source.path, error.position[0], f"is not XML ({error})", "well-formed XML") from error


def _concepts(root: ElementTree.Element) -> Iterator[tuple[str, list[str]]]:
    for element in root.iter():
        attributes = {name.casefold(): value.strip() for name, value in element.attrib.items()}
        emotion = next((attributes[name] for name in CATEGORY_NAMES if attributes.get(name)), "")
        if emotion:
            yield emotion, list(_words(element, attributes))


def _words(element: ElementTree.Element, attributes: dict[str, str]) -> Iterator[str]:
    """Words of one concept, several in one place separated by comma, semicolon or bar."""
    texts = [value for name, value in attributes.items() if name in WORD_NAMES]
    texts += [child.text or "" for child in element if _local(child.tag) in WORD_NAMES]
    texts += [
        value for child in element if _local(child.tag) in WORD_NAMES for value in child.attrib.values()
    ]
    if not len(element):
        texts.append(element.text or "")
    for text in texts:
        yield from (word.strip().replace("_", " ") for word in _SEPARATOR.split(text) if word.strip())


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].casefold()
