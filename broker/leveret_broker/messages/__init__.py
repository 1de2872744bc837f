"""The message kinds: base (callers), instance, tag, service, client; `envelope` puts an address label on them."""
