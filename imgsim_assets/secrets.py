"""Secrets that people put into addresses and into the environment: no text that leaves imgsim shows them."""

import os
import re
from urllib.parse import unquote

MASK = "***"
# `user:password@` and `token@` of an address; SQLAlchemy takes a password with slashes too.
USER_INFO = re.compile(r"(?<=://)(?:[^\s/@:'\"]*:(?!\d+[/?#])[^\s@'\"]*|[^\s/@?#'\"]+)@(?:[^\s/@?#'\"]*@)*")
WORDS = r"token|passw(?:or)?d|pwd|secret|access[_-]?key|api[_-]?key|signature|sig|credentials?"
# `token=...` of a query; `x-amz-signature=...`, `sslpassword=...` as well; `key=...` only there.
PARAMETER = re.compile(rf"(?i)((?:(?:[?&;]|\b)[\w.%-]*(?:{WORDS}|authorization)|[?&](?:key|auth|jwt))=)[^\s&;#'\"]+")
QUOTED = re.compile(rf"(?i)(['\"][\w.-]*(?:{WORDS})['\"]\s*:\s*['\"])[^'\"]+")  # in JSON, and in headers
HEADER = re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer|token)\s+)[^\s'\",]+")
HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{8,}")
# Variables that hold nothing but a secret.
VARIABLE = re.compile(r"(?i)(token|passw(or)?d|secret|access_?key|api_?key)$")
SHORTEST = 6  # characters of a secret that is looked for: shorter ones are part of common words


def masked(text: str) -> str:
    """Give `text` without the user info of its addresses, secret parameters, tokens and secrets of the environment."""
    text = USER_INFO.sub(f"{MASK}@", text)
    text = QUOTED.sub(rf"\g<1>{MASK}", HEADER.sub(rf"\g<1>{MASK}", text))
    text = HUB_TOKEN.sub(f"hf_{MASK}", PARAMETER.sub(rf"\g<1>{MASK}", text))
    for secret in _secrets():
        text = text.replace(secret, MASK)
    return text


def masked_as_in(text: str, address: str) -> str:
    """Mask `text`, and in it what stands before the @ of an address, the password or all, wherever it is said again."""
    info = re.sub(r"^.*?://|[/?#].*$", "", address).rpartition("@")[0] if "@" in address else ""
    secret = info.partition(":")[2] or info
    held = {one for one in (secret, unquote(secret)) if len(one) >= SHORTEST}
    for one in sorted(held, key=len, reverse=True):
        text = text.replace(one, MASK)
    return masked(text)


def _secrets() -> list[str]:
    held = {value for name, value in os.environ.items() if VARIABLE.search(name) and len(value) >= SHORTEST}
    return sorted(held, key=len, reverse=True)
