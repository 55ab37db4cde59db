"""The root of every error that a person is meant to read."""

from __future__ import annotations


class HubError(Exception):
    """What went wrong and what to do next, in Chinese and English. Printed without a traceback; an API problem's detail."""

    def __init__(self, message: str, message_en: str) -> None:
        super().__init__(message)
        self.message = message
        self.message_en = message_en

    def __str__(self) -> str:
        return f"{self.message} / {self.message_en}"

    def said(self, language: str) -> str:
        """The message in "zh" or "en"."""
        return self.message if language.startswith("zh") else self.message_en
