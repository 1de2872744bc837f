"""The pure engine, driven by hand."""
