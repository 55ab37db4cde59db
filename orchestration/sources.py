"""dbt sources, generated from the contracts: what models may read of the resource library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from contracts.model import Contract
from warehouse.storage.tables import columns

HEADER = "# Generated from the contracts of this hub before each run of the models. Do not edit."

_PROVENANCE = {"_batch": "批次 / Batch that the row came in", "_row": "行号 / Number of the row in its file"}


def write_sources(contracts: Iterable[Contract]) -> str:
    """Text of sources.yml: every contract's table with its items, in the order of names; none before there is a contract."""
    contracts = list(contracts)
    if not contracts:
        return f"{HEADER}\nsources: []\n"
    return "\n".join([HEADER, *_lines(sorted(contracts, key=lambda c: c.dataset)), ""])


def _lines(contracts: Iterable[Contract]) -> Iterator[str]:
    yield "sources:"
    yield "  - name: resource"
    yield f"    description: {_both('资源库', 'Resource library: the current state of each dataset')}"
    yield "    database: lake"
    yield "    schema: resource"
    yield "    tables:"
    for contract in contracts:
        yield f"      - name: {contract.dataset}"
        yield f"        description: {_both(contract.title, contract.title_en)}"
        yield "        columns:"
        titles = {item.name: _both(item.title, item.title_en) for item in contract.items}
        for name, type_ in columns(contract):
            yield _column(name, type_.lower(), titles.get(name) or json.dumps(_PROVENANCE[name], ensure_ascii=False))


def _column(name: str, type_: str, description: str) -> str:
    return f'          - {{name: {name}, data_type: "{type_}", description: {description}}}'


def _both(zh: str, en: str) -> str:
    """Both languages as one YAML scalar; JSON's strings are YAML's."""
    return json.dumps(f"{zh} / {en}" if en else zh, ensure_ascii=False)
