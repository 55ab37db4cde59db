"""What every page stands in: the page itself, who may enter, sign-in, errors, static files."""
