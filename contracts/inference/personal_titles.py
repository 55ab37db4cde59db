"""Personal data by what a column is called: Chinese and English titles, abbreviations, with prefixes and suffixes.

A title says what its values are meant to be, however they came out: a column 身份证号 of 1.10105E+17 is personal all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from contracts.inference.glossary import SIMPLIFIED

GRADES = {
    "identity-number": "L4",
    "passport": "L4",
    "bank-account": "L4",
    "mobile": "L3",
    "phone": "L3",
    "email": "L3",
    "address": "L3",
    "birth-date": "L3",
    "licence-plate": "L2",
    "name": "L2",
}
"""Kinds of personal data, most severe first, with the grade suggested (GB/T 43697-2024, GB/T 35273-2020)."""
NUMBERS = frozenset({"identity-number", "passport", "bank-account", "mobile", "phone", "licence-plate"})
"""Kinds whose digits are no quantity: the column is text."""

_NUMBER = "(?:号码|编号|编码|代码|号|id|no)"
_PAPERS = (
    "身[份分]证件?|居民身份证?|公民身份证?|身份|第?二代证|证件|社会?保险?卡?|社会?保障卡?|医保卡?|学籍|残疾人?证|驾驶证|驾照|军官证|士兵证|"
    "军人证|居住证|暂住证|户口[本簿]|出生医学证明|通行证|台胞证|回乡证"
)
_ROLES = (
    "联系人|联络人|联络员|法定代表人|法人代表|法人|负责人|责任人|包保人|帮扶人|驾驶员|驾驶人|司机|户主|户名|申请人|经办人|承办人|业主|房主|"
    "患者|病人|学生|家长|监护人|被监护人|当事人|权利人|产权人|所有权人|使用权人|承租人|出租人|承包人|租户|投保人|被保险人|受益人|报警人|"
    "举报人|投诉人|来访人|信访人|死者|伤者|受害人|被害人|嫌疑人|收件人|收货人|寄件人|发件人|签收人|签字人|填报人|填表人|填写人|上报人|"
    "审核人|审批人|复核人|制表人|录入人|登记人|值班人|值班员|值班人员|巡查人|巡查员|网格员|安全员|管理员|护林员|信息员|河长|湖长|林长|"
    "网格长|楼栋长|股东|投资人|合伙人|专家|教师|员工|职工|党员|救助对象|低保对象|服务对象|父亲|母亲|配偶|持证人|持卡人|开户人|车主|船主|"
    "乘客|旅客|买受人|缴款人|领款人|收款人|付款人|纳税人|户籍人|老人|儿童|残疾人|被救助人|执法人员|检查人|检查人员|采样人|检测人"
)
_CHINESE: tuple[tuple[str, str], ...] = (
    ("passport", f"护照{_NUMBER}?"),
    ("identity-number", rf"(?:身[份分]证件?|居民身份证|公民身份证|第?二代证)(?:信息|{_NUMBER})?|(?:{_PAPERS}){_NUMBER}"),
    ("identity-number", r"社会?保障?卡号|医保卡号|社会保障号码?"),
    ("bank-account", r"银行卡|银行[账帐][户号]?|存折|"
        r"(?:银行|存折|信用|储蓄|借记|工资|收款|付款|打款|开户|发放|一卡通|惠农|补贴).{0,4}(?:卡号|[账帐]户|[账帐]号|号码)"),
    ("bank-account", r"(?:银行卡|银行[账帐][户号]|存折|一卡通)(?:号码?|编号)?"),
    ("phone", r"(?:电话|座机|固话|传真|联系方式|联络方式|联系号码|微信|微信号|qq|qq号|热线)(?:号码?)?"),
    ("mobile", r"(?:手机|移动电话)(?:号码?)?"),
    ("email", r"邮箱|电子邮件|电子信箱|邮箱地址|电子邮件地址|邮件地址"),
    ("birth-date", r"出生日期|出生年月日?|出生时间|出生年份?|生日"),
    ("licence-plate", r"车牌|车牌号码?|号牌号码|车辆牌照号?|车辆号牌"),
    ("address", r"住址|家庭地址|家庭住所|居住地址?|常住地址?|户籍地址?|"
        r"户籍所在地|户口所在地|户口地址|现居地|现居住地|现住地|收货地址|收件地址|"
                r"寄件地址|(?:身份证|证件|本人|个人|业主|户主|申请人|患者|学生|家长|负责人|联系人|监护人|当事人|房主)的?地址|门牌|门牌号"),
    ("name", rf"(?:{_ROLES})(?:的?姓名|名字|名单|签名|签字)?|姓名|人名|真实名字|曾用名"),
)  # fmt: skip
CHINESE = tuple((kind, re.compile(f"(?:{form})$")) for kind, form in _CHINESE)
NOT_A_PERSON = re.compile(
    r"(?:单位|企业|公司|机构|部门|项目|工程|学校|医院|银行|店铺?|站点?|设备|物资|产品|品种|道路|河流|库|地|村|乡|镇|县|区|市)(?:名字|人名)$"
    r"|法人(?:单位|名称|类型)$|(?:无|非|农民|用|每)人名$"
)
YES_OR_NO = re.compile("^(?:是否|有无|有没有|可否|能否|需要)")

_ENGLISH: tuple[tuple[str, str], ...] = (
    ("passport", r"passport(_(no|number|num|id))?"),
    ("identity-number", r"(id|identity|identification|citizen|resident|national)_?card(_(no|number|num|id))?"),
    ("identity-number", r"(identity|identification|citizen|national|resident)_(id|no|number|num|code)|"
        r"(national|citizen|resident)_id(_(no|number|num))?|ssn"),
    ("identity-number", r"social_security(_(no|number|num))?|driv(er|ing)s?_licen[cs]e(_(no|number|num))?"),
    ("bank-account", r"bank_?(card|account|acct)(_(no|number|num))?|"
        r"credit_?card(_(no|number|num))?|debit_?card(_(no|number|num))?|iban"),
    ("mobile", r"mobile(_?phone)?(_(no|number|num))?|cell_?(phone|no|number)(_(no|number|num))?|msisdn"),
    ("phone", r"(tele?|phone|telephone|fax|tel_?no|phone_?no|telno|wechat|whatsapp|qq)(_(no|number|num|home|work|office))?|"
        r"contact_(no|number|num)"),
    ("email", r"e_?mail(_(address|addr|id))?"),
    ("birth-date", r"birth_?(date|day|month|year)|date_of_birth|dob"),
    ("licence-plate", r"(licen[cs]e_)?plate(_(no|number|num))?|licen[cs]e_plate"),
    ("address", r"(home|residential|residence|permanent|family|living|domicile)_(address|addr)"),
    ("name", r"(person|personal|first|last|full|given|family|middle|contact|owner|applicant|patient|student|employee|"
             r"driver|holder|resident|"
             r"householder|person|guardian|teacher|member|customer|manager|supervisor|real|chinese|english|legal_person|in_charge)_name|"
             r"surname|fullname|firstname|lastname|contact_(person|fn)|legal_(person|representative)|householder|forename|person_in_charge"),
)  # fmt: skip
ENGLISH = tuple((kind, re.compile(f"(?:^|_)(?:{form})$")) for kind, form in _ENGLISH)
_ABBREVIATED: tuple[tuple[str, str], ...] = (
    ("identity-number", "(?:.*)(?:sfz|sfzh|sfzhm|sfzjh|sfzjhm|sfhm|gmsfhm|gmsfzh|gmsfzhm|zjhm|shenfenzheng|shenfenzhenghao)"),
    ("bank-account", "(?:.*)(?:yhk|yhkh|yhkhm|yhzh|yinhangkahao)"),
    ("mobile", "(?:.*)(?:sjh|sjhm|yddh|shouji|shoujihao)"),
    ("phone", "(?:.*)(?:lxdh|lxdhhm|lxfs|dhhm|gddh|zjdh|lianxidianhua)|dh|fzrdh|frdh|dianhua"),
    ("email", "(?:.*)(?:dzyx|youxiang)"),
    ("birth-date", "csrq|csny|csnyr"),
    ("licence-plate", "cph|cphm|hphm"),
    ("address", "jtzz|jtdz|hjdz|xzz|xzdz|xjzdz|jzdz|zhuzhi"),
    ("name", "(?:.*)xm|xingming|lxr|fddbr|frdb|fzr|jbr|sqr|hzxm|jhr"),
)
ABBREVIATED = tuple((kind, re.compile(form)) for kind, form in _ABBREVIATED)
WEAK: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("identity-number", re.compile(r"(?:^|.*(?:person|holder|owner|applicant|legal|father|mother)_)id_(no|number|num)")),
    (
        "bank-account",
        re.compile(r"card_?(no|number|num)|account_?(no|number|num)|acct_?no|卡号|[账帐]号|[账帐]户|zh|kh"),
    ),
)
"""Titles that say so only of long numbers: ID No. 7 is a row's, ID No. of eighteen digits a person's."""
AMONG_PERSONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("name", re.compile("name|名字|人员|成员")),
    (
        "address",
        re.compile(
            "(?:(?:mailing|postal|street|full)_)?(?:address|addr)|地址|详细地址|具体地址|通讯地址|通信地址|联系地址|邮寄地址|住所|所在地址"
        ),
    ),
)
"""Titles that say so beside a person's other data only."""
COMPANY_PREFIX = re.compile("企业|单位|公司|机构|主体|组织|经营者?|许可|注册|设备")


def kind_of(title: str) -> str | None:
    """The kind of personal data that a title announces; of several ("姓名/电话") the most severe."""
    kinds = {kind for part in parts(title) if (kind := _kind(part))}
    return next((kind for kind in GRADES if kind in kinds), None)


def weak_kind(title: str) -> str | None:
    """The kind that a title announces where the values are long numbers."""
    return _first(WEAK, title)


def kind_among_persons(title: str) -> str | None:
    """The kind that a title announces in a table of persons."""
    return _first(AMONG_PERSONS, title)


def _first(forms: Iterable[tuple[str, re.Pattern[str]]], title: str) -> str | None:
    spelled = {core(title), latin(title)}
    return next((kind for kind, form in forms if any(form.fullmatch(each) for each in spelled if each)), None)


def parts(title: str) -> list[str]:
    """A title's parts: 姓名（电话）, 姓名/电话, 联系人及电话 have two."""
    plain = title.translate(SIMPLIFIED)
    return [part for part in re.split(r"[（）()【】\[\]/、，,;；|&+]|以?及|[和与]|\n", plain) if part.strip()]


def _kind(part: str) -> str | None:
    plain = core(part)
    if not plain or YES_OR_NO.match(plain):
        return None
    if re.search("[\u4e00-\u9fff]", plain) and (kind := _chinese(plain)):
        return kind
    spelled = latin(part)
    if kind := next((kind for kind, form in ENGLISH if form.search(spelled)), None):
        return kind
    joined = spelled.rpartition("_")[2]
    return next((kind for kind, form in ABBREVIATED if form.fullmatch(joined) or form.fullmatch(spelled)), None)


def _chinese(plain: str) -> str | None:
    kind = next((kind for kind, form in CHINESE if form.search(plain)), None)
    if kind == "name" and NOT_A_PERSON.search(plain):
        return None
    paper = kind == "identity-number" and re.search(r"(?:证件|身份)(?:号码|编号|编码|代码|号|id|no)$", plain)
    return None if paper and COMPANY_PREFIX.search(plain) and "人" not in plain else kind


def core(part: str) -> str:
    """A title's words without marks, blanks and the number at its end: " *联系电话 1：" is 联系电话."""
    import unicodedata

    plain = unicodedata.normalize("NFKC", part.translate(SIMPLIFIED)).lower()
    plain = re.sub(r"[\s*＊:：_\-—.。·'\"“”#]+", "", plain)
    return re.sub(r"(?:[后前末][0-9一二三四五六七八]位|[0-9]+位?|(?<=[号话机码名人址])[一二三四五六七八九十])$", "", plain)


def latin(part: str) -> str:
    """The Latin words of a title, small, joined by _, without a number at the end: "ID No.2" is id_no."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", part)
    words = [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]
    words = [re.sub(r"(?<=[a-z])[0-9]+$", "", word) for word in words if not word.isdigit()]
    return "_".join(words)
