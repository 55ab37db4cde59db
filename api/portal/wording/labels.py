"""Words, marks, icons and tones for every state the pages show; one table each, so that a state looks the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.portal.wording.i18n import N_


@dataclass(frozen=True, slots=True)
class Word:
    """How one state is shown: word, icon and tone; `mark` is its one character, `mark_en` that in English."""

    word: str
    icon: str = ""
    tone: str = ""
    mark: str = ""
    mark_en: str = ""


SHARING: Mapping[int, Word] = {
    1: Word(N_("无条件共享"), "lock-open", "free"),
    2: Word(N_("有条件共享"), "key", "conditional"),
    3: Word(N_("不予共享"), "lock", "closed"),
}
OPENNESS: Mapping[int, Word] = {0: Word(N_("不向社会开放")), 1: Word(N_("向社会开放")), 2: Word(N_("有条件开放"))}
ROUTES: Mapping[str, Word] = {
    "request": Word(N_("向部门请求"), mark="要", mark_en="R"),
    "buy": Word(N_("购买"), mark="买", mark_en="B"),
    "collect": Word(N_("逐级采集"), mark="采", mark_en="C"),
    "derived": Word(N_("加工生成"), mark="—", mark_en="—"),
}
BATCHES: Mapping[str, Word] = {
    "received": Word(N_("已收到"), "inbox", ""),
    "checking": Word(N_("校验中"), "loader", "working"),
    "loaded": Word(N_("已入库"), "check", "ok"),
    "partial": Word(N_("已入库，部分隔离"), "alert-triangle", "attention"),
    "held": Word(N_("待答复"), "hourglass", "attention"),
    "refused": Word(N_("整批拒绝"), "x", "fault"),
    "returned": Word(N_("退回"), "arrow-back-up", "fault"),
    "corrected": Word(N_("已补正"), "circle-check", "ok-outline"),
    "undone": Word(N_("已撤销"), "ban", "struck"),
    "discarded": Word(N_("已搁置"), "archive", "struck"),
}
ENTRIES: Mapping[str, Word] = {
    "draft": Word(N_("草稿")),
    "registered": Word(N_("待审核"), "hourglass", "working"),
    "published": Word(N_("已发布"), "check", "ok"),
    "paused": Word(N_("已暂停"), "player-pause", "attention"),
    "withdrawn": Word(N_("已下架"), "archive", "struck"),
}
CATEGORIES: Mapping[str, Word] = {
    "important": Word(N_("重要"), "shield", "important"),
    "core": Word(N_("核心"), "shield-lock", "core"),
}
LIBRARIES: Mapping[str, str] = {
    "raw": N_("原始库"),
    "resource": N_("资源库"),
    "theme": N_("主题库"),
    "topic": N_("专题库"),
}
DIMENSIONS: Mapping[str, str] = {
    "completeness": N_("完整"),
    "uniqueness": N_("唯一"),
    "accuracy": N_("准确"),
    "consistency": N_("一致"),
    "timeliness": N_("及时"),
    "conformity": N_("规范"),
}
FORMATS: Mapping[int, str] = {
    1: N_("电子文件"),
    2: N_("电子表格"),
    3: N_("数据库"),
    4: N_("图形图像"),
    5: N_("流媒体"),
    6: N_("自描述格式"),
    7: N_("服务接口"),
}
METHODS: Mapping[str, str] = {
    "database": N_("数据库"),
    "file": N_("文件"),
    "interface": N_("接口"),
    "mail": N_("邮件"),
    "medium": N_("介质交换"),
}
CYCLES = (
    N_("实时"), N_("每日"), N_("每周"), N_("每月"), N_("每季度"), N_("每半年"), N_("每年"), N_("不定期"),
)  # fmt: skip
USES = (N_("行政依据"), N_("工作参考"), N_("数据校核"), N_("业务协同"))
NETWORKS = (N_("指挥网"), N_("电子政务外网"), N_("互联网"))
ROLES: Mapping[str, str] = {
    "steward": N_("数据管理员"),
    "provider": N_("提供方"),
    "partner": N_("使用方"),
    "analyst": N_("分析员"),
    "auditor": N_("审计员"),
    "administrator": N_("系统管理员"),
}
ORGANIZATIONS: Mapping[str, str] = {
    "department": N_("部门"),
    "agency": N_("下级机构"),
    "vendor": N_("供应商"),
    "enterprise": N_("企业"),
}
LEVELS: Mapping[str, str] = {
    "country": N_("国家级"),
    "province": N_("省级"),
    "city": N_("地市级"),
    "county": N_("区县级"),
    "town": N_("乡镇级"),
}
STEPS: Mapping[str, str] = {
    "answer-unconditional": N_("答复无条件共享的需求"),
    "answer-conditional": N_("答复有条件共享的需求"),
    "extend-answer": N_("延长答复"),
    "sign": N_("签订协议"),
    "deliver": N_("首次提供数据"),
    "answer-correction": N_("答复校核纠错"),
    "mend-quarantine": N_("补正隔离的行"),
    "consent-request": N_("负责人同意并发出需求"),
    "complete-request": N_("补正需求"),
    "settle-dispute": N_("处理争议的每一步"),
    "update-entry": N_("更新目录条目"),
    "review-entry": N_("审核目录条目"),
}
"""Steps of the rule table: how many working days each may take."""
PERSONAL: Mapping[str, str] = {
    "name": N_("姓名"),
    "mobile": N_("手机号"),
    "phone": N_("电话"),
    "identity-number": N_("身份证号"),
    "address": N_("住址"),
}
MASKS: Mapping[str, str] = {"null": N_("不提供"), "hash": N_("已替换为摘要"), "truncate": N_("遮蔽")}
TYPES: Mapping[str, tuple[str, str]] = {
    "string": ("C", N_("字符")),
    "integer": ("I", N_("整数")),
    "number": ("N", N_("数值")),
    "boolean": ("L", N_("逻辑")),
    "date": ("D", N_("日期")),
    "timestamp": ("T", N_("日期时间")),
    "time": ("T", N_("时间")),
}
"""Data type letters of item 8 (compilation guide, 2017) and what they mean."""
BOARD: Mapping[str, Word] = {
    "on-time": Word(N_("按时"), "check", "on-time", "✓", "✓"),
    "late": Word(N_("迟报"), "clock", "late-in", "迟", "L"),
    "returned": Word(N_("退回"), "arrow-back-up", "returned", "退", "R"),
    "nil": Word(N_("零报告"), "", "nil", "零", "0"),
    "missing": Word(N_("未报"), "x", "missing", "缺", "M"),
    "not-due": Word(N_("未到期"), "", "open", "", ""),
}
"""Completeness of one agency in one period."""
