"""Which encoding a text file is in: the whole file is decoded strictly, then what comes out must look like writing."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from contracts.inference.evidence import Evidence, Said

WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""How UTF-16 and UTF-32 begin; that of UTF-32 LE begins like that of UTF-16 LE."""
CHUNK = 1 << 20
SAMPLE = 400_000
"""Bytes of lines with non-ASCII in them that plausibility is judged on; validity is judged on the whole file."""
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MULTIBYTE = ("gb18030", "cp950", "big5hkscs")
NEIGHBOURS = (
    ("cp949", ("[\uac00-\ud7a3]", 0.9)),
    ("shift_jis", ("[\u3041-\u30ff]", 0.3)),
    ("euc_jp", ("[\u3041-\u30ff]", 0.3)),
)
"""Encodings of Korean and Japanese, their own letters, and the share of those in text of theirs; in Chinese read so, hardly
half are Hangul (a row of GB 2312 in two), and hardly any kana."""
PLAUSIBLE = 0.55
"""A decoding is believed from this score on; measured: right decodings 0.75 to 1.0, wrong ones 0.0 to 0.45."""
MARGIN = 0.2
FEW_BAD_LINES = 0.05
"""Lines that do not decode may be this share of those with non-ASCII in them; they are received and quarantined."""

# The most frequent characters of Chinese administrative text, simplified and traditional alike.
FREQUENT = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学"
    "法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外"
    "天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很"
    "情者最立代想已通并提直题程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别手角"
    "期根论运农指几九区强放决西被干做必先回则任取据处府县市省镇乡村街道办委局厅站站点名称编号码型状态日期时间地址电话姓名"
    "单位企业危源险经度纬度数据类别等级备注说明登记注册信用监测城州盟旗东南北京津沪江河湖海湾安化学品车辆车牌水堤库坝级震"
    "深度火消灾防应预急救警物援资队专伍家隐排患查治理這為個國時來們會發動過說產種後對學經進裡現實電體從業開還與關線數質氣"
    "無軍題總長頭資邊級圖統將組見計別論運農幾區決戰則處縣鎮鄉辦廳點稱編號碼態電話單險緯據類備註説登記冊監測東灣車輛庫壩預"
    "警隊專隱單張李王劉陳楊黃趙吳周徐孫馬朱胡郭何林羅鄭梁謝宋唐許韓馮鄧张刘陈杨黄赵吴孙马郭罗郑谢许韩冯邓曹彭曾肖田董袁潘"
    "于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱府政務開放目錄提供清單高雄桃園臺北新竹苗栗彰"
    "化南投雲林嘉義屏宜蘭花蓮澎湖公告統計人口戶籍里鄰環境保護衛生教育交通觀光農業工商"
)
LATIN_LETTER = re.compile(
    rb"(?<![\x80-\xff])(?:[\xdf-\xf6\xf8-\xff]{1,2}|(?<![A-Za-z])[\xc0-\xde]"
    rb"|[\x80\x82-\x8c\x91-\x9c\xa0\xa3\xa7\xa9\xae\xb0-\xb3\xb5\xb7\xba\xbd\xbf])(?![\x80-\xff])"
)
"""Bytes of Latin-1 or Windows-1252 alone in Latin text: small accented letters, capitals at a word's start, signs."""
MOJIBAKE = re.compile("[À-Ãâ][\u0080-\u00bf€™œž‚„…†‡ˆ‰‹‘’“”•–—˜š›]")


STRICT, REPLACE, BACKSLASH = "euro-strict", "euro-replace", "euro-backslashreplace"
"""Error handlers of decoding like Python's own, but that the byte 0x80 in GBK is the euro sign: so writes Windows (code page
936), and GB18030 does not know it."""


def _euro_or(otherwise: Callable[[UnicodeError], tuple[str | bytes, int]]) -> Callable[[UnicodeError], tuple[str | bytes, int]]:
    def handle(error: UnicodeError) -> tuple[str | bytes, int]:
        return ("€", error.start + 1) if is_euro(error) else otherwise(error)  # type: ignore[attr-defined]

    return handle


def is_euro(error: UnicodeError) -> bool:
    """Whether what did not decode is the euro sign of Windows in GBK."""
    return isinstance(error, UnicodeDecodeError) and error.encoding == "gb18030" and error.object[error.start] == 0x80


for _name, _handler in (
    (STRICT, codecs.strict_errors),
    (REPLACE, codecs.replace_errors),
    (BACKSLASH, codecs.backslashreplace_errors),
):
    codecs.register_error(_name, _euro_or(_handler))


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding found, as Python names it, and how sure that is."""

    name: str
    bom: bool = False
    certain: bool = True
    others: tuple[str, ...] = ()
    """Encodings that fit about as well; the person chooses."""
    bad_lines: int = 0
    evidence: tuple[Evidence, ...] = ()


@dataclass(slots=True)
class _Trial:
    """What one codec did with the file."""

    codec: str
    bad_lines: int = 0
    score: float = 0.0
    hopeless: bool = False


def detect(file: BinaryIO) -> Encoding:
    """The encoding of a text file, from all its bytes. Asks (certain=False) where two encodings fit alike."""
    start = file.read(4)
    for bom, codec in BOMS:
        if start.startswith(bom):
            return Encoding(codec, bom=True, evidence=(_bom(codec),))
    file.seek(0)
    wide = utf16_without_bom(file.read(65536))
    if wide:
        return Encoding(wide, evidence=(Evidence(f"零字节都在同一侧：{wide}", f"zero bytes all on one side: {wide}"),))
    file.seek(0)
    trials = {codec: _Trial(codec) for codec in ("utf-8", *MULTIBYTE, "cp1252")}
    lines, sample = _try_all(file, trials)
    if not lines:
        return Encoding("utf-8", evidence=(Evidence("全部为 ASCII 字符", "all characters are ASCII"),))
    return _decide(trials, lines, sample)


def _bom(codec: str) -> Evidence:
    return Evidence(f"文件以 {codec} 的字节顺序标记开头", f"the file begins with the byte order mark of {codec}")


def utf16_without_bom(head: bytes) -> str | None:
    """The UTF-16 that a file's first bytes are in, if any: ASCII has its zero bytes all on one side, and Chinese text has some
    of it, if only line ends; characters like 一 (4E00) have theirs on the other. What comes out must be text."""
    head = head[: len(head) // 2 * 2]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < max(2, len(head) // 2 * 0.01) or min(even, odd) > max(even, odd) * 0.35:
        return None
    codec = "utf-16-le" if odd > even else "utf-16-be"
    return codec if _decodes(head[: len(head) - 2], codec) and mostly_text(head.decode(codec, errors="ignore")) else None


def mostly_text(text: str) -> bool:
    """Whether a text has hardly any control characters."""
    return sum(c < " " and c not in "\t\r\n\f" for c in text) <= len(text) * 0.02


def is_wide(head: bytes) -> bool:
    """Whether a file's first bytes are UTF-16 or UTF-32, in which bytes below 32 are parts of characters."""
    if not head.startswith(WIDE_BOMS):
        return utf16_without_bom(head) is not None
    codec = next(name for bom, name in BOMS if head.startswith(bom))
    return mostly_text(head.decode(codec, errors="ignore"))


def glimpse(head: bytes) -> str:
    """The ASCII characters that a file begins with, whatever its encoding."""
    return head[:8192].replace(b"\x00", b"").decode("ascii", errors="ignore").lstrip()


def _foreign_lines(file: BinaryIO) -> Iterator[bytes]:
    """Blocks of about a megabyte that end at a line's end; those of nothing but ASCII, which is alike in all, are left out."""
    rest = b""
    while chunk := file.read(CHUNK):
        cut = chunk.rfind(b"\n") + 1
        if cut and chunk.isascii() and rest.isascii():
            rest = chunk[cut:]
            continue
        chunk, cut = rest + chunk, cut and cut + len(rest)
        rest = chunk[cut:]
        if cut:
            yield chunk[:cut]
        elif len(rest) > 64 * CHUNK:  # a line of 64 MB is no line: give it up as it is
            yield rest
            rest = b""
    if rest:
        yield rest


def _try_all(file: BinaryIO, trials: dict[str, _Trial]) -> tuple[int, bytes]:
    """Decode every block with every codec; lines with non-ASCII, and a sample of them."""
    lines, sample = 0, bytearray()
    for block in _foreign_lines(file):
        foreign_lines = [line for line in block.split(b"\n") if not line.isascii()]
        lines += len(foreign_lines)
        if len(sample) < SAMPLE:
            sample += b"\n".join(foreign_lines)[: SAMPLE - len(sample)]
        for trial in trials.values():
            if not trial.hopeless and not _decodes(block, trial.codec):
                trial.bad_lines += sum(not _decodes(line, trial.codec) for line in foreign_lines)
        _drop_hopeless(trials, lines)
    return lines, bytes(sample)


def _drop_hopeless(trials: dict[str, _Trial], lines: int) -> None:
    """Stop trying codecs that failed too often, and all others once much text is valid UTF-8: decoding each line is slow."""
    utf8_holds = lines >= 200 and trials["utf-8"].bad_lines <= lines * FEW_BAD_LINES / 2
    for trial in trials.values():
        failed = trial.bad_lines > max(200, lines * 0.2)
        trial.hopeless = trial.hopeless or failed or (utf8_holds and trial.codec != "utf-8")


def _decodes(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec, errors=STRICT)
    except UnicodeDecodeError:
        return False
    return True


def _decide(trials: dict[str, _Trial], lines: int, sample: bytes) -> Encoding:
    distinct = _distinct(sample)
    for trial in trials.values():
        if not trial.hopeless:
            trial.score = plausibility(distinct, trial.codec) * max(0.0, 1 - trial.bad_lines / lines)
    utf8, chinese = trials["utf-8"], max(trials[codec].score for codec in MULTIBYTE)
    long_forms = sum(1 for byte in sample if byte >= 0xE0)
    short_accident = long_forms == 0 and chinese >= 0.75  # 业业 in GBK is valid UTF-8 in two bytes each
    if not utf8.hopeless and utf8.bad_lines == 0 and _accents_in_words(distinct):
        return Encoding("utf-8", evidence=(_all_decode("utf-8", lines),))
    if not utf8.hopeless and utf8.bad_lines == 0 and (long_forms >= 8 or utf8.score >= PLAUSIBLE) and not short_accident:
        return Encoding("utf-8", evidence=(_all_decode("utf-8", lines),))
    if not utf8.hopeless and utf8.bad_lines <= lines * FEW_BAD_LINES and lines - utf8.bad_lines >= 10 and not short_accident:
        return Encoding("utf-8", bad_lines=utf8.bad_lines, evidence=(_some_decode("utf-8", lines, utf8.bad_lines),))
    return _neighbour(_best(trials, lines, sample), distinct) or _best(trials, lines, sample)


def _accents_in_words(sample: bytes) -> bool:
    """Whether what is valid UTF-8 are letters with accents inside Latin words (Côte), which two Chinese characters of GBK that
    are valid UTF-8 by accident never are."""
    text = sample.decode("utf-8", errors="ignore")
    foreign = re.findall(r"[^\x00-\x7f]+", text)
    inside = re.findall(
        r"(?:(?<=[A-Za-z])[\u00c0-\u024f]{1,2}|(?<![^\x00-\x7f])[\u00c0-\u024f](?=[a-z]))(?![^\x00-\x7f])", text
    )
    return bool(inside) and len(inside) >= 0.5 * len(foreign)


def _neighbour(best: Encoding, sample: bytes) -> Encoding | None:
    """A question where what reads as Chinese is Korean or Japanese throughout, in the same two bytes."""
    if best.name not in MULTIBYTE:
        return None
    for codec, letters in NEIGHBOURS:
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError:
            continue
        foreign = re.findall(r"[^\x00-\xff]", text)
        own = sum(bool(re.match(letters[0], c)) for c in foreign)
        if len(foreign) >= 8 and own >= letters[1] * len(foreign):
            return replace(best, name=codec, certain=False, others=(best.name,))
    return None


def _distinct(sample: bytes) -> bytes:
    """Lines that differ in more than their digits: a word that stands in every row is evidence once."""
    return b"\n".join({re.sub(rb"[0-9]+", b"", line): line for line in sample.split(b"\n")}.values())


def _best(trials: dict[str, _Trial], lines: int, sample: bytes) -> Encoding:
    ranked = sorted(trials.values(), key=lambda t: (-t.score, t.bad_lines, [*trials].index(t.codec)))
    best = ranked[0]
    rivals = [t for t in ranked[1:] if t.score > best.score - MARGIN and _family(t.codec) != _family(best.codec)]
    few = best.bad_lines <= max(lines * FEW_BAD_LINES, 0)
    mixed = best.codec != "utf-8" and _lines_in_utf8(sample) >= 0.05
    certain = best.score >= PLAUSIBLE and few and not rivals and not mixed
    name = _latin(sample) if best.codec == "cp1252" else best.codec
    said = _all_decode(name, lines) if not best.bad_lines else _some_decode(name, lines, best.bad_lines)
    scores = ", ".join(f"{t.codec} {t.score:.2f}" + (f" ({t.bad_lines} ✗)" if t.bad_lines else "") for t in ranked[:4])
    look = Evidence(f"文字可信度：{scores}", f"how much it looks like writing: {scores}")
    others = tuple(dict.fromkeys([*(["utf-8"] if mixed else []), *(t.codec for t in (rivals or ranked[1:3]))]))
    if mixed:
        both = Evidence(
            "部分行是 UTF-8，部分行不是：文件混用了两种编码", "some lines are UTF-8, others are not: two encodings are mixed"
        )
        look = Evidence(f"{both.zh}；{look.zh}", f"{both.en}; {look.en}")
    return Encoding(name, certain=certain, others=() if certain else others, bad_lines=best.bad_lines, evidence=(said, look))


def _lines_in_utf8(sample: bytes) -> float:
    """Share of lines that are UTF-8 with a character of three bytes, which Chinese in two bytes hardly ever is by accident."""
    lines = [line for line in sample.split(b"\n")[:2000] if line]
    good = sum(any(byte >= 0xE0 for byte in line) and _decodes(line, "utf-8") for line in lines)
    return good / max(1, len(lines)) if good >= 3 else 0.0


def _family(codec: str) -> str:
    return "big5" if codec in {"cp950", "big5hkscs"} else codec


def _latin(sample: bytes) -> str:
    return "cp1252" if any(0x80 <= byte <= 0x9F for byte in sample) else "latin-1"


def _all_decode(name: str, lines: int) -> Evidence:
    return Evidence(f"{lines} 行非 ASCII 文本全部符合 {name}", f"all {lines} lines with non-ASCII text are valid {name}")


def _some_decode(name: str, lines: int, bad: int) -> Evidence:
    return Evidence(
        f"{lines} 行非 ASCII 文本中有 {bad} 行不符合 {name}，这些行将被隔离",
        f"{bad} of {lines} lines with non-ASCII text are not valid {name}; they will be quarantined",
    )


def plausibility(sample: bytes, codec: str) -> float:
    """0 to 1: how much the sample, read so, looks like what people write (Chinese, or Latin letters with accents)."""
    text = sample.decode(codec, errors="ignore")
    foreign = [c for c in text if c > "\x7f"]
    if not foreign:
        return 0.0
    if codec == "cp1252":
        return _latin_plausibility(sample)
    if codec == "utf-8" and sum(c < "\u2000" for c in foreign) > len(foreign) / 2:
        return 0.9 if not MOJIBAKE.search(text) else 0.6  # valid UTF-8 in Latin script: the form itself is the evidence
    hanzi = [c for c in foreign if "\u3400" <= c <= "\u9fff"]
    if not hanzi:
        return 0.3
    usual = sum(_usual(c, codec) for c in hanzi) / len(hanzi)
    frequent = min(1.0, sum(c in FREQUENT for c in hanzi) / len(hanzi) / 0.4)
    strange = sum(_strange(c) for c in foreign) / len(foreign)
    return max(0.0, (0.4 * usual + 0.6 * frequent) * (1 - 2 * strange))


def _usual(character: str, codec: str) -> bool:
    """In the first level of its own standard: GB 2312 rows 16 to 55, Big5 0xA4 to 0xC6."""
    if codec in {"cp950", "big5hkscs"}:
        return 0xA4 <= character.encode(codec, errors="replace")[0] <= 0xC6
    code = character.encode("gb18030")
    return len(code) == 2 and 0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1


def _strange(character: str) -> bool:
    """Neither hanzi nor punctuation nor a letter that Chinese files use: private use, controls, Greek and kana by the way."""
    return not (
        "\u3400" <= character <= "\u9fff"
        or "\u2000" <= character <= "\u303f"
        or "\uff00" <= character <= "\uffef"
        or character in "·×÷°±§¥£©®℃"
    )


def _latin_plausibility(sample: bytes) -> float:
    """Single accented letters inside Latin words; Chinese in two bytes makes long runs without ASCII letters beside them."""
    runs = re.findall(rb"[\x80-\xff]+", sample)
    return 0.95 * min(1.0, len(LATIN_LETTER.findall(sample)) / max(1, len(runs)) / 0.8)


def question(encoding: Encoding) -> Said:
    """What to ask where the encoding is not certain."""
    choices = " / ".join((encoding.name, *encoding.others))
    return Said(f"文件的字符编码不能确定（可能是 {choices}）", f"The file's encoding is not certain (it may be {choices})")
