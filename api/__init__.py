"""The door of people and programs: HTTP."""
