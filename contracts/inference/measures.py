"""Measurements by their titles: what is measured has decimals sooner or later, what is counted has none."""

from __future__ import annotations

import re

from contracts.inference.glossary import SIMPLIFIED
from contracts.inference.guess import CODE_WORDS
from contracts.inference.naming import words_of

_MEASURED = (
    "温度|气温|水温|湿度|水位|潮位|流量|流速|雨量|降水量?|降雨量?|蒸发量|风速|气压|压力|压强|浓度|面积|体积|容积|库容|蓄水量|储量|存量|长度|宽度|"
    "高度|厚度|深度|高程|海拔|坡度|距离|里程|半径|直径|重量|质量|净重|毛重|吨位|载重量?|功率|电压|电流|电量|能耗|热量|震级|烈度|亮温|亮度|"
    "比例|比率|占比|百分比|[^频汇]率|系数|指数|密度|强度|速度|含量|产量|销量|用量|用电|用水量|排放量|金额|价格|单价|总价|价款|费用?|"
    "资金|资本|资产|投资额?|产值|收入|支出|成本|利润|经费|税额?|余额|限额|保费|损失|工资|补贴额?|预算|经度|纬度"
)
TITLE = re.compile(f"(?:{_MEASURED})(?:[（(].*[)）]|[A-Za-z/%℃°³²]*)$")
UNIT = re.compile(
    "[（(](?:mm|cm|k?m|[㎜㎝㎞㎡㎥]|米|千米|公里|毫米|厘米|k?g|[吨克升度元亩]|千克|公斤|万元|亿元|千元|公顷|平方.+|立方.+|m[23²³].*|℃|°C?|%|％|‰|"
    "k?W|k?Wh|千瓦时?|度|Pa|[kM]Pa|hPa|V|A|mg.*|[μu]g.*|m/s|m³/s|L|万.*|亿.*)[)）]$"
)
WORDS = frozenset(
    {"temperature", "humidity", "rainfall", "precipitation", "speed", "pressure", "concentration", "area", "volume", "length",
     "width", "height", "depth", "elevation", "altitude", "distance", "weight", "mass", "power", "voltage", "price", "amount",
     "cost", "fee", "rate", "ratio", "percentage", "percent", "magnitude", "intensity", "brightness", "density", "revenue",
     "income", "expense", "salary", "budget", "capital", "flow", "storage", "longitude", "latitude", "loss"}
)  # fmt: skip
PERIOD = re.compile("月份?$|时间|日期|年月|期间?$|年度?$")
PERIOD_WORDS = frozenset({"month", "date", "time", "period", "year", "day"})


def is_measure(title: str) -> bool:
    """Whether a column is called like something measured or paid, whose values may have decimals."""
    plain = title.translate(SIMPLIFIED).strip()
    words = words_of(title)
    last = next(iter(re.findall("[a-z]+", plain.lower())[-1:]), "")
    coded = bool(words & CODE_WORDS)
    return bool(TITLE.search(plain) or UNIT.search(plain)) or (last in WORDS and not coded)


def is_period_name(title: str) -> bool:
    """Whether a column is called like a month, a date or a period."""
    return bool(PERIOD.search(title.translate(SIMPLIFIED))) or bool(words_of(title) & PERIOD_WORDS)
