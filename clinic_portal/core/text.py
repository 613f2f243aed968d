"""Clinic data in more than one language: a service's name, how to prepare for it."""

from collections.abc import Mapping

LANGUAGES = ("en", "pt_PT")

#: Language code to text. English is always there.
LocalizedText = dict[str, str]


def localized(texts: Mapping[str, str], language: str) -> str:
    """Return the text in the language, or in English when it was not written in that one."""
    return texts.get(language) or texts.get("en", "")
