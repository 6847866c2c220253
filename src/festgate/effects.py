"""The effects that a fault can have at a point of the portal's code, as drills arm them and the portal injects them."""

from typing import Final, Literal, get_args

Effect = Literal["raise", "delay", "hang", "burn", "block", "exit", "jump", "full", "double", "lie", "lose"]
EFFECTS: Final[tuple[Effect, ...]] = get_args(Effect)
MAX_ARMED_SECONDS: Final = 600.0
"""The longest time that a fault may stay armed; it then ends even if nothing disarms it."""
FAULTS_FILE: Final = "drills.json"
"""The file in the portal's data folder that lists the armed faults."""
