"""Words that fields of Chinese administrative data are named with, and their English; names of columns are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

WORDS: dict[str, str] = {}
_TEXT = """
编号 number|编码 code|代码 code|号码 number|序号 sequence|标识 identifier|标识码 identifier|名称 name|姓名 person_name
全称 full_name|简称 short_name|别名 alias|类型 type|类别 category|种类 kind|分类 class|性质 nature|等级 level
级别 level|状态 status|单位 unit|单位名称 organization_name|机构 organization|机构名称 organization_name
企业 enterprise|企业名称 enterprise_name|公司 company|公司名称 company_name|部门 department|主管部门 authority
提供方 provider|统一社会信用代码 credit_code|社会信用代码 credit_code|信用代码 credit_code
组织机构代码 organization_code|营业执照 business_licence|注册号 registration_number|法定代表人 legal_person
法人 legal_person|法人代表 legal_person|负责人 person_in_charge|联系人 contact|联系电话 contact_phone
联系方式 contact_details|电话 phone|电话号码 phone_number|手机 mobile|手机号 mobile|手机号码 mobile|移动电话 mobile
传真 fax|邮箱 email|电子邮箱 email|电子邮件 email|邮编 postcode|邮政编码 postcode|身份证 identity
身份证号 identity_number|身份证号码 identity_number|公民身份号码 identity_number|证件号码 document_number
证件类型 document_type|性别 gender|年龄 age|出生日期 birth_date|出生年月 birth_month|民族 ethnicity|籍贯 native_place
学历 education|职务 post|职称 professional_title|岗位 position|工号 staff_number|地址 address|详细地址 full_address
住址 home_address|住所 domicile|注册地址 registered_address|经营地址 business_address|所在地 location|位置 position
地点 place|场所 site|省 province|省份 province|市 city|城市 city|县 county|区 district|区县 county|乡镇 township
街道 street|社区 community|村 village|地区 region|区域 area|国家 country|行政区划 division|行政区划代码 division_code
区划代码 division_code|行政区 division|所属行政区划 division|所属区县 county|所在县区 county|经度 longitude
纬度 latitude|坐标 coordinate|高程 elevation|海拔 elevation|深度 depth|高度 height|长度 length|宽度 width|面积 area
体积 volume|容积 capacity|库容 storage|日期 date|时间 time|年份 year|年度 year|年 year|季度 quarter|月份 month
月 month|日 day|周期 cycle|开始日期 start_date|结束日期 end_date|开始时间 start_time|结束时间 end_time
起始日期 start_date|截止日期 end_date|有效期 validity|有效期至 valid_until|发布日期 published_on|发布时间 published_at
更新时间 updated_at|更新日期 updated_on|更新频率 update_frequency|创建时间 created_at|创建日期 created_on
修改时间 modified_at|登记日期 registered_on|登记时间 registered_at|成立日期 established_on|注册日期 registered_on
采集时间 collected_at|上报时间 reported_at|填报日期 reported_on|报告时间 reported_at|发生时间 occurred_at
发生日期 occurred_on|监测时间 observed_at|观测时间 observed_at|检查日期 inspected_on|注册资本 registered_capital
资本 capital|金额 amount|价格 price|单价 unit_price|总价 total_price|费用 cost|数量 quantity|总数 total|合计 total
小计 subtotal|人数 people|次数 times|比例 ratio|百分比 percentage|占比 share|平均 average|最大 maximum|最小 minimum
数值 value|值 value|指标 indicator|计量单位 unit_of_measure|行业 industry|行业代码 industry_code
行业名称 industry_name|经营范围 business_scope|主要产品 main_products|产品 product|产品名称 product_name|型号 model
规格 specification|设备 device|设备编号 device_number|设备名称 device_name|站点 station|站名 station_name|测站 station
测站编码 station_code|监测点 monitoring_point|监测站 monitoring_station|水位 water_level|流量 flow|雨量 rainfall
降雨量 rainfall|降水量 precipitation|温度 temperature|气温 air_temperature|湿度 humidity|风速 wind_speed
风向 wind_direction|气压 pressure|压力 pressure|浓度 concentration|参考位置 place|风险 risk|风险等级 risk_level
事故 accident|事故类型 accident_type|事件 event|死亡人数 deaths|受伤人数 injuries|失踪人数 missing|伤亡人数 casualties
直接经济损失 direct_loss|经济损失 economic_loss|原因 cause|措施 measure|整改 rectification|检查 inspection
执法 enforcement|处罚 penalty|许可证 permit|许可证号 permit_number|证书 certificate|证书编号 certificate_number
车牌 plate|车牌号 plate_number|车牌号码 plate_number|车辆 vehicle|车辆类型 vehicle_type|驾驶员 driver|运输 transport
货物 cargo|物资 supplies|队伍 team|专家 expert|仓库 warehouse|颜色 colour|信号 signal|内容 content|标题 title
描述 description|说明 explanation|备注 remarks|摘要 abstract|关键词 keywords|关键字 keywords|数据 data
数据来源 data_source|来源 source|资料 data|资料名称 data_name|资料来源 data_source|资源 resource|文件 file|档案 file
格式 format|档案格式 file_format|栏位 field|主要栏位 main_fields|网址 url|链接 link|连结网址 url|图片 picture
照片 photo|附件 attachment|版本 version|语言 language|标签 tag|数据集 dataset|提供 provider|机关 agency|起 from|讫 to
最后 last|建立 created|建立日期 created_on|法令依据 legal_basis|依据 basis|授权方式 licence|编码格式 encoding|是否 is
有无 has|用途 use|结果 result|主要 main|所属 own|所在 local|上级 parent|下级 child|父级 parent|本级 own|现 current
原 former|新 new|旧 old|全国 national|全省 provincial|省级 provincial|市级 municipal|县级 county_level|清单 list
名单 list|目录 catalogue|统计 statistics|统计表 statistics|汇总 summary|汇总表 summary|明细 details|台账 ledger
信息 information|信息表 information|记录 record|登记 registration|注册 registration|表 table|基本信息 basics
基础信息 basics|情况 situation|报表 report|人员 staff|用户 user|账号 account|密码 password|权限 permission|角色 role
任务 task|项目 project|项目名称 project_name|学校 school|医院 hospital|银行 bank|道路 road|桥梁 bridge|隧道 tunnel
河流 river|湖泊 lake|煤矿 coal_mine|矿山 mine|加油站 filling_station|消防 fire_protection|气象 weather|火灾 fire
森林 forest|草原 grassland|电力 power|用电量 power_consumption|户号 account_number
"""
for _entry in _TEXT.replace("\n", "|").split("|"):
    if _entry.strip():
        _word, _english = _entry.split()
        WORDS[_word] = _english


@dataclass(frozen=True, eq=False, slots=True)
class Words:
    """Field words with their English, and how long the longest is."""

    english: Mapping[str, str]
    longest: int


GENERAL = Words(WORDS, max(map(len, WORDS)))
"""Words of any administration; those of a domain come with its pack."""
_CURRENT: ContextVar[Words] = ContextVar("field words", default=GENERAL)


def current() -> Words:
    """The words that names are made of here."""
    return _CURRENT.get()


@contextmanager
def using(words: Mapping[str, str]) -> Iterator[None]:
    """Meanwhile the words of packs are known, too."""
    before = _CURRENT.set(_with(tuple(sorted(words.items()))))
    try:
        yield
    finally:
        _CURRENT.reset(before)


@lru_cache(maxsize=16)
def _with(words: tuple[tuple[str, str], ...]) -> Words:
    known = WORDS | dict(words)
    return Words(known, max(map(len, known))) if words else GENERAL


_TRADITIONAL = (
    "編编號号碼码稱称類类別别級级態态單单位位機机構构業业務务廳厅統统會会執执註注冊册話话電电傳传證证齡龄學学歷历職职"
    "務务詳详細细縣县鄉乡鎮镇區区國国經经緯纬標标長长寬宽積积體体開开啟启結结東东間间時时發发佈布頻频創创據据資资來来"
    "網网連连圖图檔档語语籤签權权費费額额價价數数總总計计產产規规設设備备測测點点項项監监庫库氣气溫温濕湿風风壓压濃浓"
    "災灾傷伤損损檢检罰罚許许書书車车輛辆駛驶運运輸输貨货隊队專专預预顏颜內内題题說说關关鍵键欄栏現现舊旧錄录記记報报"
    "戶户醫医銀银橋桥礦矿應应難难聯联絡络郵邮訊讯況况驗验點点擊击購购買买賣卖園园龍龙鐵铁鏈链環环衛卫護护農农飛飞廠厂"
    "廣广場场縮缩寫写簡简繁繁圍围範范團团協协辦办極极導导層层嚴严樓楼屬属幣币師师歲岁殘残療疗盤盘確确種种節节約约絕绝"
    "給给繳缴處处術术補补裝装複复見见觀观訂订評评詢询調调請请課课論论貸贷賠赔質质贈赠軍军軟软載载較较轉转達达遠远適适"
    "選选邊边釋释錢钱錯错雙双離离雲云靜静顧顾題题養养館馆馬马驟骤魚鱼鳥鸟"
)
SIMPLIFIED = str.maketrans(dict(zip(_TRADITIONAL[0::2], _TRADITIONAL[1::2], strict=True)))
"""Enough of the traditional characters to look field words up."""

ENGLISH_WORDS = frozenset(
    [
        "id",
        "ids",
        "code",
        "codes",
        "name",
        "names",
        "title",
        "type",
        "types",
        "status",
        "state",
        "kind",
        "category",
        "class",
        "level",
        "date",
        "time",
        "datetime",
        "timestamp",
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "created",
        "updated",
        "modified",
        "deleted",
        "start",
        "end",
        "begin",
        "from",
        "to",
        "longitude",
        "latitude",
        "lon",
        "lng",
        "lat",
        "long",
        "x",
        "y",
        "z",
        "elevation",
        "altitude",
        "depth",
        "height",
        "width",
        "length",
        "area",
        "volume",
        "weight",
        "size",
        "count",
        "number",
        "num",
        "no",
        "total",
        "sum",
        "amount",
        "price",
        "cost",
        "value",
        "values",
        "rate",
        "ratio",
        "percent",
        "percentage",
        "min",
        "max",
        "mean",
        "average",
        "unit",
        "units",
        "currency",
        "address",
        "street",
        "city",
        "town",
        "county",
        "state",
        "province",
        "region",
        "district",
        "country",
        "postcode",
        "zip",
        "zipcode",
        "phone",
        "tel",
        "telephone",
        "mobile",
        "fax",
        "email",
        "mail",
        "url",
        "link",
        "website",
        "homepage",
        "contact",
        "person",
        "user",
        "username",
        "owner",
        "author",
        "publisher",
        "provider",
        "organization",
        "organisation",
        "company",
        "department",
        "agency",
        "description",
        "desc",
        "text",
        "comment",
        "comments",
        "note",
        "notes",
        "remark",
        "remarks",
        "summary",
        "abstract",
        "keyword",
        "keywords",
        "tag",
        "tags",
        "source",
        "sources",
        "language",
        "format",
        "version",
        "key",
        "uuid",
        "guid",
        "index",
        "rank",
        "order",
        "sequence",
        "gender",
        "sex",
        "age",
        "birth",
        "birthday",
        "first",
        "last",
        "full",
        "short",
        "label",
        "flag",
        "active",
        "enabled",
        "valid",
        "station",
        "site",
        "location",
        "place",
        "point",
        "geometry",
        "geom",
        "coordinates",
        "event",
        "magnitude",
        "mag",
        "temperature",
        "humidity",
        "pressure",
        "wind",
        "speed",
        "direction",
        "rainfall",
        "precipitation",
        "level",
        "flow",
        "sensor",
        "device",
        "model",
        "brand",
        "product",
        "item",
        "items",
        "sku",
        "quantity",
        "qty",
        "group",
        "parent",
        "child",
        "path",
        "file",
        "filename",
    ]
)
"""Words that English headers are made of."""
