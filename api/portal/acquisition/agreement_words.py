"""The words and icons of an agreement's pages: its states, steps, what can be done with it, and what a change names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.portal.wording.i18n import N_
from api.portal.wording.labels import Word

STATES: Mapping[str, Word] = {
    "drafted": Word(N_("待负责人同意"), "hourglass", "attention"),
    "consented": Word(N_("已同意，待发出"), "send", "working"),
    "needed": Word(N_("等待答复"), "hourglass", "attention"),
    "incomplete": Word(N_("待补正"), "alert-circle", "attention"),
    "answered": Word(N_("答复待对方负责人同意"), "hourglass", "attention"),
    "accepted": Word(N_("已同意，待签订"), "writing-sign", "working"),
    "refused": Word(N_("未同意"), "x", "fault"),
    "disputed": Word(N_("争议处理中"), "alert-triangle", "fault"),
    "signed": Word(N_("已签订"), "check", "ok"),
    "active": Word(N_("执行中"), "check", "ok"),
    "ended": Word(N_("已终止"), "archive", "struck"),
}


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done with an agreement: its act, title and icon, and what follows from it."""

    act: str
    title: str
    icon: str
    after: str
    step: str
    """Its word in the history."""


ACTIONS: Mapping[str, Action] = {
    "consent": Action(
        "need.consent",
        N_("负责人同意"),
        "shield-check",
        N_("请求发出前、答复作出前，须经本单位共享工作机构负责人同意（第809号令第十一条、第二十条）。拟稿人不能自己同意。"),
        N_("负责人同意"),
    ),
    "send": Action(
        "need.send",
        N_("发出需求"),
        "send",
        N_("发出后，被请求的单位应在规定的工作日内答复；此后需求的内容不再更改。"),
        N_("发出"),
    ),
    "complete": Action("need.complete", N_("补正需求"), "circle-check", N_("补正后，答复期限重新起算。"), N_("补正")),
    "answer": Action(
        "need.answer",
        N_("答复需求"),
        "checks",
        N_("部分同意或不同意的，写明理由和依据。答复记入经过，不能收回。"),
        N_("答复"),
    ),
    "sign": Action(
        "agreement.sign",
        N_("签订协议"),
        "writing-sign",
        N_("为您这一方签订。最后一方签订后协议生效，平台开始按通道接收数据，首批数据应在规定的工作日内到达。"),
        N_("签订"),
    ),
    "settle": Action("need.settle", N_("了结争议"), "equal", N_("记录争议的结果和作出决定的单位。"), N_("争议了结")),
    "ask": Action(
        "need.ask",
        N_("一次性告知补正"),
        "alert-circle",
        N_("须一次告知全部需要补正的内容，以后不能再次要求；补正后答复期限重新起算（第二十一条）。"),
        N_("告知补正"),
    ),
    "link": Action(
        "need.link",
        N_("生成答复链接"),
        "link",
        N_("没有账号的单位凭此链接查看并答复这一项需求，只能用一次；重新生成后，以前的链接失效。"),
        N_("生成链接"),
    ),
    "extend": Action(
        "need.extend",
        N_("延长答复期限"),
        "clock",
        N_("特殊情况经主管部门同意，答复期限按规则延长一次，并告知请求方；以后不能再延长。"),
        N_("延长答复期限"),
    ),
    "remind": Action(
        "agreement.remind",
        N_("催办"),
        "bell",
        N_("对方的待办会注明催办的次数和日期；每天一次，记入经过。"),
        N_("催办"),
    ),
    "comment": Action("need.comment", N_("留言"), "info-circle", N_("双方都能看到；不改变状态，也不停止计时。"), N_("留言")),
    "dispute": Action(
        "need.dispute",
        N_("提出争议"),
        "alert-triangle",
        N_("依次为：双方协商、同级主管部门、共同上级主管部门、本级政府（第二十八条）；每次办理进到下一步。"),
        N_("争议"),
    ),
    "change": Action("agreement.change", N_("更改协议"), "refresh", N_("尚未签订的协议可以全部更改。"), N_("更改")),
    "renew": Action("agreement.renew", N_("续签协议"), "timeline", N_("协议继续执行到新的到期日。"), N_("续签")),
    "end": Action(
        "agreement.end",
        N_("终止协议"),
        "archive",
        N_("从此不再按此协议接收数据；记录和原因保留，不能恢复，需要时重新提出。"),
        N_("终止"),
    ),
}
"""The end of an action's address, and what it is; in the order in which they are offered."""
PRIMARY = ("consent", "send", "complete", "answer", "sign", "settle")
DANGER = ("end",)
STEPS: Mapping[str, tuple[str, str]] = {
    "need.enter": (N_("提出需求"), "bulb"),
    "delivery.first": (N_("首批数据到达"), "package"),
    **{one.act: (one.step, one.icon) for one in ACTIONS.values()},
}
"""Step: its word and icon."""
ANSWERS: Mapping[str, str] = {"accept": N_("同意"), "part": N_("部分同意"), "refuse": N_("不同意")}
SETTLED: Mapping[str, str] = {"again": N_("重新答复"), "accept": N_("同意提供"), "uphold": N_("维持不同意")}
FIELDS: Mapping[str, str] = {
    "title": N_("需要什么"), "title_en": N_("英文名称"), "purpose": N_("用途"), "cycle": N_("更新周期"),
    "coordinating_body": N_("协调机构"), "legal_basis": N_("法律依据"), "valid_until": N_("到期日"), "steward_id": N_("负责人"),
    "channels": N_("通道"), "agencies": N_("报送单位"), "answer_due": N_("答复期限"), "contract_number": N_("合同号"),
    "price_per_record": N_("单价"), "ceiling": N_("费用上限"), "permitted_purposes": N_("准许用途"),
    "redistribution": N_("再分发"), "why_bought": N_("为何购买"), "fills_dataset": N_("补足的数据集"),
    "fills_items": N_("补足的信息项"), "template_version": N_("模板"), "period": N_("报送期"), "due_day": N_("报送日"),
    "due_months": N_("报送月"), "head": N_("共享工作机构负责人"), "document": N_("文号"), "authority": N_("同意的主管部门"),
    "without": N_("不提供的信息项"), "answer": N_("答复"), "dispute": N_("争议进到"), "settled": N_("结果"),
    "body": N_("作出决定的单位"),
}  # fmt: skip
"""What a step's detail names."""
