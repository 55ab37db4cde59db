"""Rules and records: who, what, under which agreement, with which right; kept in SQLModel tables."""
