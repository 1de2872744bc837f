"""Guards: what workflow code may not do, and how it finds out."""
