"""Short forms of names and addresses, for records that are never erased."""


def masked_address(email: str) -> str:
    """Return the first character of the address and its domain: `a…@example.org`."""
    local_part, at, domain = email.rpartition("@")
    return f"{local_part[:1]}…{at}{domain}" if at else masked_name(email)


def masked_name(name: str) -> str:
    """Return the first character of each word: `A… R…`."""
    return " ".join(f"{word[0]}…" for word in name.split())
