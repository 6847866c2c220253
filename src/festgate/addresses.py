"""Checks of the addresses in the settings: of the portal, hosts, networks, the sender of emails, the database.

Each check returns the value unchanged, or raises ValueError with a sentence about the problem.
"""

import re
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from ipaddress import AddressValueError, IPv6Address, ip_address, ip_network
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit

HIDDEN: Final = "***"
MAX_PORT: Final = 65_535
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_UNQUOTED_NAME = re.compile(r'([^"<>@]*[^"<>@\s])\s*<([^<>@\s]+@[^<>@\s]+)>')
_PASSWORD_IN_QUERY = re.compile(r"((?:ssl)?password=)[^&\s]*", re.IGNORECASE)


def check_origin(value: str) -> str:
    """Check the portal's public address: a scheme, a host and perhaps a port."""
    if any(character.isspace() or not character.isprintable() for character in value):
        _refuse("must not contain spaces")
    scheme, separator, rest = value.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        _refuse("must begin with http:// or https://, such as https://fest.example.org")
    if scheme != scheme.lower():
        _refuse(f"must begin with {scheme.lower()}:// in lower case")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if "@" in authority:
        _refuse("must not contain a user name or password")
    if authority != rest:
        _refuse(
            f"must end after the host and port: {scheme}://{authority}. The portal cannot be served below a path"
        )
    _check_host(scheme, authority)
    return value


def check_host(value: str) -> str:
    """Check the name or IP address of a host."""
    host = value.removeprefix("[").removesuffix("]")
    if host != value:
        _refuse(f"must have its IPv6 address without brackets: {host}")
    if ":" in value:
        try:
            ip_address(value)
        except ValueError:
            _refuse(
                f"must be the name or address of a host, without http:// and without a port, unlike {value!r}"
            )
    elif not value.isascii():
        ascii_host = _in_ascii(value)
        _refuse(f"must be written in ASCII: {ascii_host}" if ascii_host else f"must not be {value!r}")
    elif not _HOST.fullmatch(value):
        _refuse(f"must be the name or address of a host, such as mail.example.org, unlike {value!r}")
    return value


def check_network(value: str) -> str:
    """Check an IP address, a network or `*`."""
    if value != "*":
        try:
            ip_network(value)
        except ValueError:
            _refuse(f"must be IP addresses or networks, such as 10.0.0.0/8, or *, unlike {value!r}")
    return value


def _check_host(scheme: str, authority: str) -> None:
    if authority.startswith("["):
        host, bracket, after = authority[1:].partition("]")
        try:
            IPv6Address(host)
        except AddressValueError:
            bracket = ""
        if not bracket or (after and not after.startswith(":")):
            _refuse("must have an IPv6 address in brackets, such as http://[::1]:8000")
        separator, port = after[:1], after[1:]
    else:
        host, separator, port = authority.partition(":")
        if ":" in port:
            _refuse("must have an IPv6 address in brackets, such as http://[::1]:8000")
        if not host.isascii():
            ascii_host = _in_ascii(host)
            _refuse(
                f"must have its host written in ASCII: {scheme}://{ascii_host}{separator}{port}"
                if ascii_host
                else f"must have the name of a host, which {host!r} is not"
            )
        if not _HOST.fullmatch(host):
            _refuse("must have the name of a host, such as https://fest.example.org")
    if separator and not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= MAX_PORT):  # noqa: PLR2004  (digits of MAX_PORT)
        _refuse(f"must have a port from 1 to {MAX_PORT}, or none")


def check_sender(value: str) -> str:
    """Check the sender of emails, also by composing an email from it."""
    shape = 'write fest@example.org, or with a name "Spring Fest" <fest@example.org>'
    if not value.strip():
        _refuse(f"must not be empty; {shape}")
    if not value.isprintable():
        _refuse(f"must not contain line ends or other control characters; {shape}")
    name, address = parseaddr(value)
    named = _UNQUOTED_NAME.fullmatch(value.strip())
    if named and name != named[1]:
        _refuse(f'must have its name in quotes: "{named[1].strip()}" <{named[2]}>')
    if len(getaddresses([value])) != 1 or not address:
        _refuse(f"must be one address; {shape}")
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        _refuse(f"must contain an address with an @; {shape}")
    if not domain.isascii():
        ascii_domain = _in_ascii(domain)
        _refuse(
            f"must have its domain written in ASCII: {local}@{ascii_domain}"
            if ascii_domain
            else f"must have a domain after the @, which {domain!r} is not"
        )
    if not _LOCAL_PART.fullmatch(local) or not _HOST.fullmatch(domain):
        _refuse(
            f"must have an address of ASCII letters, digits and symbols without spaces, unlike {address!r}; {shape}"
        )
    mail = EmailMessage(policy.SMTP.clone(cte_type="7bit"))
    try:
        mail["From"] = Address(" ".join(name.split()), addr_spec=address)
        mail.as_bytes()
    except (ValueError, MessageError, LookupError):
        _refuse(f"must be an address that an email can come from; {shape}")
    return value


def check_database_url(value: str) -> str:
    """Check the address of the database. The sentences quote nothing of it, because it may contain a password."""
    if not value:
        return value
    if not value.startswith(("postgresql://", "postgres://")):
        _refuse("must begin with postgresql://, or be empty for SQLite in the data folder")
    encode = (
        "must have the characters @ / ? # : % and spaces in its password percent-encoded (@ is %40, / is %2F)"
    )
    rest = value.partition("://")[2]
    authority, _, after = rest.partition("/")
    if rest.partition("?")[0].count("@") > 1 or "@" in after.partition("?")[0] or re.search(r"\s", rest):
        _refuse(encode)
    try:
        split = urlsplit(value)
        _ = split.port if "," not in authority else None  # libpq takes several hosts
    except ValueError:
        _refuse(f"{encode}, and a number as its port")
    if split.fragment or re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        _refuse(encode)
    return value


def hide_password(url: str) -> str:
    """Return the address with its password masked: `postgresql://user:***@host/name`."""
    scheme, separator, rest = url.partition("://")
    if separator and "@" in rest:
        user, at, host = rest.rpartition("@")
        name, colon, _ = user.partition(":")
        rest = f"{name}{colon}{HIDDEN if colon else ''}{at}{host}"
    return _PASSWORD_IN_QUERY.sub(rf"\1{HIDDEN}", f"{scheme}{separator}{rest}")


def hide_in(text: str, url: str) -> str:
    """Return a database driver's message with the password of the address masked."""
    text = text.replace(url, hide_password(url)) if url else text
    user = url.partition("://")[2].rpartition("@")[0]
    secrets = {user.partition(":")[2], *re.findall(r"password=([^&\s]+)", url)}
    for secret in secrets | {unquote(secret) for secret in secrets}:
        if secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    return text


def _in_ascii(host: str) -> str:
    """Return the host as DNS encodes it (`xn--...`); empty if it is not a host."""
    try:
        ascii_host = host.encode("idna").decode()
    except UnicodeError:
        return ""
    return ascii_host if _HOST.fullmatch(ascii_host) else ""


def _refuse(sentence: str) -> NoReturn:
    raise ValueError(sentence) from None
