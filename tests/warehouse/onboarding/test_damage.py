"""Text that was damaged before it came here, and encodings that look like others."""

from __future__ import annotations

import pytest

from contracts.errors import HubError

from .conftest import lines


class TestDamage:
    """Text that was damaged before it came here is told with counts, and refused where that is most of it."""

    ROWS = lines(30, lambda n: f"{n},某县第{n}化工厂,黑龙江省某市")

    def test_utf8_with_few_accents_is_utf8(self, draft) -> None:
        text = "ID\tCountry\n" + lines(300, lambda n: f"{n}\t{'Côte d’Ivoire' if n % 9 == 0 else 'Haiti'}".replace("’", "'"))
        drafted = draft(text.encode(), "a.tsv")
        assert (drafted.contract.reading["encoding"], drafted.profile.column("Country").least) == ("utf-8", "Côte d'Ivoire")

    @pytest.mark.parametrize("damaged", ["锟斤拷锟斤拷", "\ufffd\ufffd市", "????", "鏌愬幙鍚戦槼闀囧寲宸ュ巶"])
    def test_mostly_damaged_text_is_refused(self, draft, damaged: str) -> None:
        with pytest.raises(HubError, match="is damaged"):
            draft("编号,名称\n" + lines(30, lambda n: f"{n},{damaged}"))

    @pytest.mark.parametrize(
        ("damaged", "said"),
        [("锟斤拷", "hold 锟斤拷"), ("厂\ufffd", "hold U"), ("???", "question marks"), ("厂\ue5e5", "private-use")],
    )
    def test_a_few_damaged_cells_are_told(self, draft, damaged: str, said: str) -> None:
        drafted = draft("编号,名称,地址\n" + self.ROWS + f"30,{damaged},某市\n")
        assert any(said in seen.en and seen.en.startswith("1 of ") for seen in drafted.evidence)

    def test_sound_text_is_not_suspected(self, draft) -> None:
        assert not any("cells" in seen.en for seen in draft("编号,名称,地址\n" + self.ROWS).evidence)

    @pytest.mark.parametrize(
        ("codec", "word"),
        [("euc_kr", "대한민국화학공장"), ("shift_jis", "ひらがなでかくこうじょう"), ("euc_jp", "化学工場のひらがなです")],
    )
    def test_korean_and_japanese_are_asked(self, asked, codec: str, word: str) -> None:
        text = "id,name\n" + lines(30, lambda n: f"{n},{word}{n}")
        [question] = asked(text.encode(codec))
        assert question.option == "--encoding"
        assert question.choices[0].value in {"cp949", "shift_jis", "euc_jp"}
