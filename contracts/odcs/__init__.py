"""The document: ODCS 3.1 read, checked against the standard and the hub's own rules, compiled, compared."""
