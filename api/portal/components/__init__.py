"""Parts that several pages show, and the gallery of them all."""
