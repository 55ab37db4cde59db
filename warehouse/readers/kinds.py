"""What kind of file something is, by its bytes, whatever it is called. Kinds without a table are named, with what to hand in.

Called before anything else looks into a file: a document is no archive of which a member could be chosen, a log no table
without header. Kinds that hold tables but are read by other means (dbf, shapefiles, KML, GeoPackage) are named here, too.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from contracts.inference import sniff
from contracts.inference.sniff import NotATable

HEAD = 4096
TAIL_OF_MAGIC = 300
TABLE = ("请导出为 CSV 或 Excel（.xlsx）再提交", "export the table as CSV or Excel (.xlsx) and hand that in")
WORDS = ("请把其中的表格复制到 Excel，存为 .xlsx 再提交", "copy its table into Excel, save it as .xlsx and hand that in")
PICTURE = (
    "图片里没有可读的表格；请提交原始的 Excel 或 CSV",
    "a picture holds no table; hand in the Excel or CSV it was made from",
)
SAVE = ("请用 Excel 打开后另存为 .xlsx", "open it in Excel and save it as .xlsx")
SOURCE = ("请提交生成它的 Excel 或 CSV", "hand in the Excel or CSV it was made from")
UNPACK = ("请解包后提交其中的数据文件，或改用 zip 打包", "unpack it and hand in the file inside, or pack it as zip")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that is not read: its name and what to do, in Chinese and English."""

    zh: str
    en: str
    todo: tuple[str, str] = TABLE

    def refused(self, name: str) -> NotATable:
        """The sentence for people."""
        return NotATable(
            f"{name} 是 {self.zh}，不能读成表格；{self.todo[0]}。", f"{name} is {self.en} and no table; {self.todo[1]}."
        )


MAGIC: Sequence[tuple[int, bytes, Kind]] = (
    (0, b"Obj\x01", Kind("Avro 数据文件", "an Avro file", ("请导出为 CSV 或 Parquet", "export it as CSV or Parquet"))),
    (0, b"ORC", Kind("ORC 数据文件", "an ORC file", ("请导出为 CSV 或 Parquet", "export it as CSV or Parquet"))),
    (0, b"ARROW1", Kind("Arrow/Feather 文件", "an Arrow file", ("请另存为 Parquet 或 CSV", "save it as Parquet or CSV"))),
    (0, b"FEA1", Kind("Feather 文件", "a Feather file", ("请另存为 Parquet 或 CSV", "save it as Parquet or CSV"))),
    (0, b"\x89HDF\r\n", Kind("HDF5 / NetCDF4 文件", "an HDF5 file")),
    (0, b"CDF\x01", Kind("NetCDF 文件", "a NetCDF file")),
    (0, b"CDF\x02", Kind("NetCDF 文件", "a NetCDF file")),
    (0, b"GRIB", Kind("GRIB 气象文件", "a GRIB file")),
    (0, b"<stata_dta>", Kind("Stata 文件", "a Stata file")),
    (0, b"$FL2", Kind("SPSS 文件", "an SPSS file")),
    (4, b"Standard ACE DB", Kind("Access 数据库（accdb）", "an Access database (accdb)")),
    (4, b"Standard Jet DB", Kind("Access 数据库（mdb）", "an Access database (mdb)")),
    (257, b"ustar", Kind("tar 包", "a tar archive", UNPACK)),
    (0, b"II*\x00", Kind("TIFF 图片", "a TIFF picture", PICTURE)),
    (0, b"MM\x00*", Kind("TIFF 图片", "a TIFF picture", PICTURE)),
    (0, b"GIF8", Kind("GIF 图片", "a GIF picture", PICTURE)),
    (8, b"WEBP", Kind("WebP 图片", "a WebP picture", PICTURE)),
    (4, b"ftypheic", Kind("HEIC 图片", "a HEIC picture", PICTURE)),
    (0, b"8BPS", Kind("Photoshop 图片", "a Photoshop picture", PICTURE)),
    (0, b"\x00\x00\x00\x0cjP  ", Kind("JPEG 2000 图片", "a JPEG 2000 picture", PICTURE)),
    (4, b"ftyp", Kind("视频文件", "a video", PICTURE)),
    (0, b"\x1aE\xdf\xa3", Kind("视频文件", "a video", PICTURE)),
    (8, b"AVI ", Kind("视频文件", "a video", PICTURE)),
    (8, b"WAVE", Kind("音频文件", "a sound", PICTURE)),
    (0, b"ID3", Kind("音频文件", "a sound", PICTURE)),
    (0, b"AC10", Kind("AutoCAD 图纸（dwg）", "an AutoCAD drawing (dwg)")),
    (0, b"CAJ", Kind("CAJ 文献", "a CAJ document", WORDS)),
    (0, b"{\\rtf", Kind("RTF 文档", "an RTF document", WORDS)),
    (0, b"%!PS", Kind("PostScript 文档", "a PostScript document", WORDS)),
    (0, b"MZ", Kind("Windows 程序", "a Windows program")),
    (0, b"\x7fELF", Kind("程序文件", "a program")),
    (0, b"ID;P", Kind("SYLK 文件（slk）", "a SYLK file (slk)", SAVE)),
    (0, b"-----BEGIN ", Kind("密钥或证书", "a key or certificate", ("请提交数据文件", "hand in the data, and no keys"))),
)  # fmt: skip
LETTERS_AFTER = (b"MZ", b"ORC", b"GRIB", b"CAJ", b"ID3", b"FEA1")
"""Marks that a text may begin with, too; they count only where the bytes after them are none."""
INSIDE: Sequence[tuple[str, Kind]] = (
    ("word/document.xml", Kind("Word 文档（docx）", "a Word document (docx)", WORDS)),
    ("ppt/presentation.xml", Kind("演示文稿（pptx）", "a presentation (pptx)", WORDS)),
    ("OFD.xml", Kind("OFD 版式文档", "an OFD document", SOURCE)),
    ("visio/document.xml", Kind("Visio 图", "a Visio drawing", PICTURE)),
    ("META-INF/container.xml", Kind("电子书（epub）", "an e-book (epub)", WORDS)),
    ("META-INF/MANIFEST.MF", Kind("Java 程序包", "a Java archive", UNPACK)),
    ("Index/Document.iwa", Kind("苹果 iWork 文档", "an Apple iWork document", ("请导出为 .xlsx", "export it as .xlsx"))),
)  # fmt: skip
OLE = b"\xd0\xcf\x11\xe0"
OLE_STREAMS: Sequence[tuple[str, Kind]] = (
    ("WordDocument", Kind("Word 文档（doc）", "a Word document (doc)", WORDS)),
    ("PowerPoint Document", Kind("演示文稿（ppt）", "a presentation (ppt)", WORDS)),
    ("VisioDocument", Kind("Visio 图", "a Visio drawing", PICTURE)),
    ("__properties_version1.0", Kind("Outlook 邮件（msg）", "an Outlook message", ("请提交其附件", "hand in its attachment"))),
)  # fmt: skip
SHAPEFILE = b"\x00\x00\x27\x0a"
LONE_SHAPE = Kind(
    "shapefile 的一部分（shp/shx）",
    "a part of a shapefile (shp, shx)",
    (
        "请把同名的 .shp、.shx、.dbf、.prj、.cpg 打成一个 zip 再提交",
        "pack .shp, .shx, .dbf, .prj and .cpg into one zip and hand that in",
    ),
)
POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v\d+\s+oid sha256:[0-9a-f]{64}\s+size (\d+)")


def refuse(path: Path, name: str) -> None:
    """Refuse a file whose bytes say that it is of a kind that holds no table."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    kind = _by_magic(head) or _by_parts(path, head)
    if kind:
        raise kind.refused(name)
    pointer = POINTER.match(head.lstrip(b"\xef\xbb\xbf"))
    if pointer:
        size = f"{int(pointer.group(1)):,}"
        raise NotATable(
            f"{name} 是 Git LFS 指针，不是数据：它指向一个 {size} 字节的文件。请先运行 git lfs pull，再提交数据文件本身。",
            f"{name} is a Git LFS pointer to {size} bytes, not the data. Run git lfs pull and hand in the file itself.",
        )


def _by_magic(head: bytes) -> Kind | None:
    for place, mark, kind in MAGIC:
        if head[place : place + len(mark)] == mark and not (mark in LETTERS_AFTER and _is_text(head)):
            return kind
    if head.startswith(SHAPEFILE):
        return LONE_SHAPE
    if head.startswith(b"BM") and int.from_bytes(head[6:10], "little") == 0 and not _is_text(head):
        return Kind("BMP 图片", "a BMP picture", PICTURE)
    return None


def _is_text(head: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 27 for byte in head[:TAIL_OF_MAGIC])


def _by_parts(path: Path, head: bytes) -> Kind | None:
    """Documents that are archives: by what is in them."""
    if head.startswith(OLE):
        with path.open("rb") as file:
            text = file.read(4 << 20)
        if any(f"{book}\0".encode("utf-16-le") in text for book in ("Workbook", "Book")):
            return None
        return next((kind for stream, kind in OLE_STREAMS if stream.encode("utf-16-le") in text), None)
    if not head.startswith(b"PK\x03\x04"):
        return None
    with suppress(zipfile.BadZipFile, OSError, NotImplementedError), zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if "mimetype" in names and archive.getinfo("mimetype").file_size < HEAD:
            return _open_document(archive.read("mimetype").decode("ascii", errors="replace"))
        return next((kind for part, kind in INSIDE if part in names), None)
    return None


def _open_document(mimetype: str) -> Kind | None:
    if "opendocument.text" in mimetype:
        return Kind("文字文档（odt）", "a text document (odt)", WORDS)
    if "opendocument.presentation" in mimetype or "opendocument.graphics" in mimetype:
        return Kind("演示文稿（odp）", "a presentation (odp)", WORDS)
    return Kind("电子书（epub）", "an e-book (epub)", WORDS) if "epub" in mimetype else None


ANYWAY = (
    "如果它确是一张表，请用 --delimiter 说明分隔符（只有一列：--delimiter none）",
    "if it is a table, say its --delimiter (one column: --delimiter none)",
)
SQL = re.compile(
    r"\s*(--[^\n]*\n\s*|/\*.*?\*/;?\s*)*"
    r"(INSERT\s+INTO|CREATE\s+(TABLE|DATABASE|SCHEMA)|DROP\s+TABLE|SET\s+\w+\s*=|BEGIN;|USE\s+`)",
    re.I | re.S,
)
SQL_STATEMENT = re.compile(r"^\s*(INSERT\s+INTO|CREATE\s+TABLE)\s", re.I | re.M)
LOG = re.compile(
    r'(\S+ \S+ \S+ \[\d{1,2}/\w{3}/\d{4}:[^\]]+\] "|'
    r"\[?\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]\d{1,2}:\d\d:\d\d\S*\]?\s+(\[[^\]]*\]\s*)?"
    r"\[?(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL)\b|"
    r"\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ \S+?(\[\d+\])?: )"
)
"""Lines of a web server, of a program with its level, of syslog."""
JSONP = re.compile(r"\s*(?:var\s+[\w$]+\s*=|[A-Za-z_$][\w.$]*\s*\()\s*[\[{]\s*[\"\[{]")
SECTION = re.compile(r"\s*\[[^\[\]{}\",]+\]\s*$")
SETTING = re.compile(r"\s*[\w.\- ]+\s*=")
YAML_LINE = re.compile(r"\s*(- )*(\"[^\"]*\"|'[^']*'|[\w\-./ ]+):(\s|$)|\s*- |---|\.\.\.|\s*#")
YAML_KEY = re.compile(r"\s*(- )*[\w\-./\" ]+:(\s|$)", re.M)
DIF = re.compile(r"TABLE\r?\n0,1\r?\n")
HEADING = re.compile(r"#{1,6} \S|```")
FAILURE = re.compile(
    r"\s*(\[?(error|fatal|exception|failed|failure|warning)\b|traceback \(most recent|ORA-\d{5}|HTTP/\d|access denied|"
    r"permission denied|(4\d\d|5\d\d) [A-Z][a-z]+|internal server error|bad gateway|not found|no such |unauthorized|"
    r"forbidden|session (expired|timeout)|(暂无|没有|无)(访问)?权限|错误[:：]|未登录|请(先|重新)登录|"
    r"(查询|系统|服务器?|登录|导出|连接|请求|操作|数据库)(出现|发生)?(错误|异常|失败|超时|繁忙))",
    re.I,
)
SENTENCE = re.compile(r"[。！？；：]\s*$|[a-z]{2}[.!?]\s*$")
FEW_LINES = 20


def refuse_text(text: str, name: str, *, as_told: bool) -> None:
    """Refuse a text that is a dump, a log, settings, prose or an error message; `as_told`: somebody said how it is read."""
    kind = _certain(text) or (None if as_told else _likely(text))
    if kind:
        raise kind.refused(name)


def _certain(text: str) -> Kind | None:
    """Kinds that no table looks like."""
    if DIF.match(text):
        return Kind("DIF 文件", "a DIF file", SAVE)
    if SQL.match(text) and SQL_STATEMENT.search(text):
        return Kind(
            "SQL 脚本（数据库转储）", "a SQL dump", ("请从数据库把表导出为 CSV", "export the table from the database as CSV")
        )
    if _is_value(text):
        return VALUES
    if JSONP.match(text):
        return Kind(
            "JSONP 脚本（函数名包着的 JSON）",
            "JSONP, JSON in a call of a function",
            ("请去掉 JSON 之外的函数名和括号", "take away the function's name and brackets around the JSON"),
        )
    lines = _lines(text)
    return Kind("日志", "a log", TABLE) if lines and _share(lines, LOG.match) >= 0.8 else None


def _likely(text: str) -> Kind | None:
    """Kinds that are named only where no delimiter makes a table of the text."""
    lines = _lines(text)
    if not lines:
        return None
    if len(lines) <= FEW_LINES and FAILURE.match(text) and not _fits(text, lines):
        first = lines[0].strip()[:60]
        return Kind(
            f"一条出错信息（“{first}”）", f"an error message ({first!r})", ("请重新导出后再提交", "export the data again")
        )
    settings = [line for line in lines if not line.lstrip().startswith(("#", ";"))]
    if (
        settings
        and SECTION.match(settings[0])
        and _share(settings, lambda line: SECTION.match(line) or SETTING.match(line)) == 1
    ):
        return Kind("配置文件（ini）", "a settings file (ini)", ("请提交数据文件", "hand in the data"))
    if _fits(text, lines):
        return None
    if len(lines) > 1 and YAML_KEY.search(text) and _share(lines, YAML_LINE.match) >= 0.9:
        return Kind("YAML 文件", "a YAML file", ("请导出为 JSON 或 CSV", "export it as JSON or CSV"))
    if any(HEADING.match(line) for line in lines) and not any(line.lstrip().startswith("|") for line in lines):
        return Kind("Markdown 文档", "a Markdown document", (f"{WORDS[0]}；{ANYWAY[0]}", f"{WORDS[1]}; {ANYWAY[1]}"))
    if len(lines) > 1 and _prose(lines):
        return Kind("文字材料", "prose", (f"{WORDS[0]}；{ANYWAY[0]}", f"{WORDS[1]}; {ANYWAY[1]}"))
    return None


def _prose(lines: Sequence[str]) -> bool:
    """Sentences: many lines end as sentences do, or lead to what follows."""
    return _share(lines, SENTENCE.search) >= 0.3


def _fits(text: str, lines: Sequence[str]) -> bool:
    """Whether some delimiter makes most lines alike."""
    return len(lines) > 1 and sniff.dialect(text).fields > 1


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines()[:1000] if line.strip()]


def _share(lines: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(1 for line in lines if test(line)) / len(lines)


VALUES = Kind(
    "没有字段名的 JSON 值",
    "JSON values without names",
    (
        '请提供方导出为记录的列表，如 [{"编号": 1}]，或导出为 CSV',
        'ask the provider for a list of records, such as [{"id": 1}], or for CSV',
    ),
)
SMALL = 16 << 20


def refuse_values(path: Path, name: str) -> None:
    """Refuse a JSON document in which there is no record at all: a value, or a list of values."""
    if path.stat().st_size > SMALL:
        return
    with suppress(ValueError, RecursionError):
        payload = json.loads(path.read_bytes())
        if not isinstance(payload, dict) and not (
            isinstance(payload, list) and any(isinstance(e, dict | list) for e in payload)
        ):
            raise VALUES.refused(name)


def _is_value(text: str) -> bool:
    """Whether a whole text is one JSON value that is no record: null, true, "…"."""
    return text.strip() in {"null", "true", "false"} or (text.startswith('"') and text.count('"') == 2 and text.endswith('"'))
