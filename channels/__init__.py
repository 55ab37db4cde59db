"""Channels: how the bytes of one source travel to the hub. Each is a kind with its settings; none knows catalogue or lake."""
