"""Words with one meaning in every contract: what a machine name is, names that are taken, grades."""

from __future__ import annotations

import re

MACHINE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Name of a table or a column."""
LAKE_NAMES = frozenset({"_batch", "_row", "rowid", "file_row_number", "filename", "snapshot_id"})
"""Columns that the lake or its engine has itself."""
GRADES = ("L1", "L2", "L3", "L4")
"""Grades inside "general" (GB/T 43697-2024), the lowest first."""
KEBAB_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
"""Name of a domain format or a code list: gauge-code."""
