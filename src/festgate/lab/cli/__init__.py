"""The commands of the lab: `festgate lab`."""
