"""How pages speak: two languages, labels of states, numbers and dates."""
