"""The portal: server-rendered pages over the same rules as the API."""
