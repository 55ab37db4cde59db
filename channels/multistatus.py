"""What a WebDAV folder answers, read as it comes: nothing of the document is kept but its members.

Foreign XML is read by a parser that knows no DTD and no entity, and here because no tree is made of it: what it can take is
bounded by a text's length and by depth, whatever is sent (docs/decisions/0017, 0040).
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax import SAXException
from xml.sax.handler import ContentHandler, feature_namespaces

DAV = "DAV:"
DEEPEST = 32
LONGEST = 8192
"""Characters of one text."""
FIELDS = ("href", "getcontentlength", "getlastmodified", "getetag")


class NoListing(Exception):
    """An answer that is none, and why in a few words."""


@dataclass(frozen=True, slots=True)
class Member:
    """One thing in a folder, as the server says it is."""

    href: str
    folder: bool
    bytes: str
    changed: str
    tag: str


class Listing:
    """A multistatus document, under way."""

    def __init__(self) -> None:
        from defusedxml import expatreader  # here, for the start: tests/cli/test_start.py

        self.handler = _Members()
        self.parser = expatreader.create_parser(forbid_dtd=True)
        self.parser.setFeature(feature_namespaces, True)
        self.parser.setContentHandler(self.handler)

    def read(self, piece: bytes) -> list[Member]:
        """Members that a piece completes. Errors: NoListing."""
        try:
            self.parser.feed(piece)
        except (SAXException, ValueError) as error:  # defusedxml's refusals are of the latter
            raise NoListing(f"{type(error).__name__}: {error}"[:200]) from error
        found, self.handler.found = self.handler.found, []
        return found

    def end(self) -> None:
        """There is no more. Errors: NoListing, where it was not whole."""
        if not self.handler.begun:
            raise NoListing("it is empty")
        try:
            self.parser.close()
        except SAXException as error:
            raise NoListing(str(error)[:200]) from error


class _Members(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Member] = []
        self.depth, self.text, self.told = 0, "", dict[str, str]()
        self.begun = False

    def startElementNS(self, name: tuple[str | None, str], qname: object, attributes: object) -> None:
        self.depth, self.text = self.depth + 1, ""
        if self.depth > DEEPEST:
            raise NoListing("it is nested too deeply")
        if not self.begun and name != (DAV, "multistatus"):
            raise NoListing(f"it begins with {name[1][:40]}")
        self.begun = True
        if name == (DAV, "response"):
            self.told = {}
        elif name == (DAV, "collection"):
            self.told["collection"] = "yes"

    def characters(self, content: str) -> None:
        self.text += content
        if len(self.text) > LONGEST:
            raise NoListing("a text in it is too long")

    def endElementNS(self, name: tuple[str | None, str], qname: object) -> None:
        self.depth -= 1
        space, local = name
        text, self.text = self.text.strip(), ""
        if space == DAV and local in FIELDS and text:
            self.told.setdefault(local, text)
        if name == (DAV, "response") and "href" in self.told:
            told = self.told
            size, changed, tag = (told.get(field, "") for field in FIELDS[1:])
            self.found.append(Member(told["href"], "collection" in told, size, changed, tag))
