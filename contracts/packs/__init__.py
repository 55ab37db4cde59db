"""Packs: what a domain brings to a hub, as data and SQL: contracts, code lists, classes, words, models, brand."""
