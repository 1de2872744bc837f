"""Every behaviour of the conformance list that the code has, by id, on both transports."""
