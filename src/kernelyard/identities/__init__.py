"""Identity providers: who holds a token that was issued elsewhere."""
