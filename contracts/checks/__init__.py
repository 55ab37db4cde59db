"""What rows must be: a contract compiled to checks, and what each says to the provider."""
