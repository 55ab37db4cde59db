"""Where bytes lie: the lake's connections, tables and commits, landing, upkeep, backup."""
