"""The commands of the rehearsal: what they take, what they show meanwhile, what they print."""
