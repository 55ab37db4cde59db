"""How data is owed: agreements, periods, deadlines, completeness, spending, attempts on channels."""
