"""Each example runs on both transports, over a restart of its node, and replays."""
