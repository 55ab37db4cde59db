"""What every request passes: limits, identity, language, errors, headers."""
