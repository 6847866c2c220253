"""The command group `festgate lab`."""
