"""Flesch-Kincaid grade of an English text, on pyphen's hyphenation; no downloads.

Quoted names count as one short word, and so does everything that is no word (numbers, addresses). A line end
or a full stop ends a sentence, a colon does not.
"""

import re

import pyphen

_HYPHENATION = pyphen.Pyphen(lang="en_US")
_NAME = re.compile(r'"[^"]*"')
_WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
_VOWELS = re.compile(r"[aeiouy]+")


def sentences(text: str) -> list[list[str]]:
    """The words of each sentence."""
    lines = (part for line in text.splitlines() for part in re.split(r"[.!?](?:\s|$)", line))
    found = [_NAME.sub("Name", line).split() for line in lines]
    return [words for words in found if any(_WORD.search(word) for word in words)]


def syllables(token: str) -> int:
    """By hyphenation, and not fewer than by groups of vowels less a silent e (pyphen breaks too seldom)."""
    word = "".join(_WORD.findall(token)).lower()
    if not word or not token.strip("().,:;").replace("-", "").isalpha():
        return 1
    groups = len(_VOWELS.findall(word)) - (word.endswith("e") and not word.endswith("le"))
    return max(1, groups, len(_HYPHENATION.positions(word)) + 1)


def grade(text: str) -> float:
    """The school grade that reads this text."""
    found = sentences(text)
    words = [word for sentence in found for word in sentence]
    return 0.39 * len(words) / len(found) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def words_a_sentence(text: str) -> float:
    """The average."""
    found = sentences(text)
    return sum(map(len, found)) / len(found)
