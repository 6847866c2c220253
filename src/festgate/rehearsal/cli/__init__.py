"""The commands of the rehearsal: their options, their display during a run, and their output."""
