"""`pack.yaml`: what a pack is called, what it needs, what it says of itself; and its other files of words and lists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from contracts.packs.errors import fault, of_fields

MANIFEST = "pack.yaml"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Letters, digits and _; also its dbt package.")]
Version = Annotated[str, Field(pattern=r"^\d{1,6}\.\d{1,6}\.\d{1,6}$", examples=["1.0.0"])]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=2000)]
Code = Annotated[str, Field(coerce_numbers_to_str=True, min_length=1, max_length=200)]


class _Strict(BaseModel):
    """A misspelt field is a fault, not something that is left out in silence."""

    model_config = ConfigDict(extra="forbid")


class Brand(_Strict):
    """The line beside the hub's name, on every page."""

    zh: Line
    en: Line


class Level(_Strict):
    """One level of a scale that pages show in its colour."""

    tone: Literal["red", "orange", "yellow", "blue"]
    zh: Line
    en: Line


class Levels(_Strict):
    """A scale in colours: which text items hold it, and its values."""

    words: list[Line] = Field(default=[], description="An item whose title or description has one of them holds the scale.")
    code_lists: list[Line] = Field(default=[], alias="codeLists", description="An item of one of these lists holds it.")
    values: dict[str, Level]


class PackManifest(_Strict):
    """A pack's own word of itself."""

    name: Name
    version: Version
    title: Line
    title_en: Line = Field(alias="titleEn")
    description: Text = ""
    description_en: Text = Field(default="", alias="descriptionEn")
    licence: Line
    requires: dict[Name, Version] = Field(default={}, description="Packs that it needs, each at least of that version.")
    brand: Brand | None = None
    levels: Levels | None = None


class ListedCode(_Strict):
    """An entry of a code list."""

    code: Code
    label: str = ""
    label_en: str = Field(default="", alias="labelEn")


class ListedCodes(_Strict):
    """A code list."""

    title: Line
    title_en: str = Field(default="", alias="titleEn")
    source: str = ""
    codes: list[ListedCode]


class CodesFile(RootModel[dict[str, ListedCodes]]):
    """`codes.yaml`: code lists by name."""


class ListedClass(_Strict):
    """A node of the class tree; its parent is the beginning of its code."""

    code: Code
    name: Line
    name_en: str = Field(default="", alias="nameEn")


class ClassesFile(_Strict):
    """`classes.yaml`."""

    classes: list[ListedClass]


class SynonymsFile(RootModel[dict[Line, Line]]):
    """`synonyms.yaml`: what people type → what the catalogue says."""


class ThesaurusFile(RootModel[list[Annotated[list[Line], Field(min_length=2, max_length=40)]]]):
    """`thesaurus.yaml`: rings of words that mean the same, in Chinese and English, the usual one first."""

    @model_validator(mode="after")
    def _one_ring_each(self) -> ThesaurusFile:
        words = [word for ring in self.root for word in ring]
        if twice := ", ".join(sorted({word for word in words if words.count(word) > 1})):
            raise PydanticCustomError("two_rings", "words stand twice: {words}", {"words": twice})
        return self


class GlossaryFile(RootModel[dict[Line, Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]]]):
    """`glossary.yaml`: a word that columns are named with → its English, as in a machine name."""


class DbtProject(BaseModel):
    """`transforms/dbt_project.yml`: hooks and other keys are the hub's own affair."""

    model_config = ConfigDict(extra="forbid")

    name: str
    version: str = ""
    config_version: Literal[2] = Field(default=2, alias="config-version")
    model_paths: list[Literal["models"]] = Field(default=["models"], alias="model-paths")
    macro_paths: list[Literal["macros"]] = Field(default=["macros"], alias="macro-paths")
    vars: dict[str, Any] = {}


File = TypeVar("File", bound=BaseModel)


def read(path: Path, form: type[File]) -> File:
    """A file of a pack in its form. Errors: InvalidPack with the file and every field that is wrong."""
    from ruamel.yaml import YAML  # a tenth of a second that most verbs save
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, OSError, UnicodeDecodeError, RecursionError, ValueError) as error:
        why = " ".join(str(error).split())[:300]
        raise fault(f"{path.name} 不是可读的 YAML：{why}", f"{path.name} is no YAML that can be read: {why}") from error
    try:
        return form.model_validate(document)
    except ValidationError as error:
        raise of_fields(path.name, error) from None


def number(version: str) -> tuple[int, ...]:
    """A version to be compared."""
    return tuple(int(part) for part in version.split("."))
