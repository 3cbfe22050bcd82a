"""What people type, cut into words: quotes keep one together, and what phones make of quotes and dashes is undone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 4000
"""So many characters are read: a message of Slack's should not be longer."""
DOUBLE, SINGLE, DASHES = '"“”„', "'‘’", "-–—"
TOKEN = re.compile(
    rf"""
    (?P<key> [^\s={DOUBLE}{SINGLE}]+= )?
    (?: "(?P<escaped> (?: \\["\\] | \\(?!["\\]) | [^"\\] )* )"
      | [{DOUBLE}](?P<double> [^{DOUBLE}]* )[{DOUBLE}]
      | [{SINGLE}](?P<single> .{{0,500}}? )[{SINGLE}]
    ) (?= \s | $ )
    | (?P<plain> \S+ )
    """,
    re.VERBOSE | re.DOTALL,
)
"""A quote opens where a word begins, or after `=`, and closes where one ends; any other is an apostrophe."""
FLAG = re.compile(r"(?:--|—|–|-(?=(?:[A-Za-z]|help)\Z))(?P<name>[A-Za-z][\w-]*)(?P<equals>=?)(?P<value>.*)", re.DOTALL)
"""With a single dash only `-h` and its like: a text of one's own may begin with `-5 %`."""
BREAKS = re.compile(rf"[\s{DOUBLE}{SINGLE}]|^[{DASHES}`*]|[`*]$").search
"""What has one of these is no word without quotes."""
PAUSES = " \t\n,:;"
"""What people write after the name of the bot."""


def bare(word: str) -> str:
    """Return WORD without what makes it bold or code."""
    return word.strip("`*") or word


@dataclass(frozen=True)
class Token:
    """One word, or several in quotes."""

    text: str
    quoted: bool = False
    typed: str = ""
    """With the quotes around it."""

    @property
    def bare(self) -> str:
        """The word without what makes it bold or code."""
        return self.text if self.quoted else bare(self.text)

    @property
    def flag(self) -> re.Match[str] | None:
        """The `name` of a flag, with its `value` where one `equals` it."""
        return None if self.quoted else FLAG.match(self.text)


def tokens_of(text: str) -> Iterator[Token]:
    """Yield the words of TEXT, flags among them."""
    for found in TOKEN.finditer(text[:LONGEST].replace("\u00a0", " ").lstrip(PAUSES)):
        key, escaped, double, single, plain = found.groups()
        if plain is not None:
            yield Token(plain, typed=plain)
            continue
        inner = double or single or re.sub(r'\\(["\\])', r"\1", escaped or "")
        if key or inner:
            yield Token((key or "") + inner, quoted=key is None, typed=found[0])
