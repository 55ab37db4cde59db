"""The door of time: Dagster definitions made from the catalogue."""
