"""Which credential is used: the first of a fixed order that is there.

1. access key and secret key, with a security token when it is temporary
2. IAM user, password and domain
3. a ready token
4. the profile file of the official SDKs, ~/.huaweicloud/credentials, section [basic]
5. the metadata service of an ECS instance, asked only when the first request needs it
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

import httpx

from bot.csms.auth import METADATA, AccessKeys, AkSkAuth, Credential, MetadataAuth, PasswordAuth, TokenAuth
from bot.csms.endpoints import address
from bot.csms.renewal import Clock, utc_now
from bot.errors import SettingsError

ACCESS_KEY, SECRET_KEY = "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"
SECURITY_TOKEN = "HUAWEICLOUD_SDK_SECURITY_TOKEN"  # noqa: S105 (the name of a setting)
USER, PASSWORD, DOMAIN = "HW_USER_NAME", "HW_USER_PASSWORD", "HW_DOMAIN_NAME"
TOKEN = "HW_AUTH_TOKEN"  # noqa: S105 (the name of a setting)
IAM_ENDPOINT = "HUAWEICLOUD_SDK_IAM_ENDPOINT"

PROFILE = Path(".huaweicloud", "credentials")
"""Below the home directory."""


def credentials(
    env: Mapping[str, str],
    *,
    project_id: str,
    iam_endpoint: str = "",
    home: Path | None = None,
    metadata: str = METADATA,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Clock = utc_now,
) -> Credential:
    """The credential that fits `env`, a mapping with the names above; SettingsError, in one line, when none does
    or one is half given. Nothing is sent here.

    `iam_endpoint` is needed for a user and password only. `home` None: no profile file is looked for;
    `metadata` "": nor is the metadata service. `transport` serves IAM and metadata requests in tests.
    """
    settings = {name: value.strip() for name, value in env.items()}
    keys = _keys(settings)
    if keys is not None:
        return AkSkAuth(keys, project_id=project_id, clock=clock)
    if settings.get(USER) or settings.get(PASSWORD):
        _all_of(settings, USER, PASSWORD, DOMAIN)
        if not iam_endpoint:
            raise SettingsError(f"{IAM_ENDPOINT}: needed with {USER} when HW_REGION_NAME is not set")
        return PasswordAuth(
            user=settings[USER],
            password=env[PASSWORD],
            domain=settings[DOMAIN],
            project_id=project_id,
            iam_endpoint=address(iam_endpoint, setting=IAM_ENDPOINT),
            transport=transport,
            clock=clock,
        )
    if settings.get(TOKEN):
        return TokenAuth(_fits_a_header(settings[TOKEN], TOKEN))
    if home is not None and (keys := profile(home / PROFILE)) is not None:
        return AkSkAuth(keys, project_id=project_id, clock=clock)
    if metadata:
        base = address(metadata, setting="metadata", link_local=True)
        return MetadataAuth(project_id=project_id, base=base, transport=transport, clock=clock)
    raise SettingsError(
        f"no credentials: set {ACCESS_KEY} and {SECRET_KEY}, or {USER}, {PASSWORD} and {DOMAIN}, or {TOKEN}"
    )


def _keys(settings: Mapping[str, str]) -> AccessKeys | None:
    named = [name for name in (ACCESS_KEY, SECRET_KEY, SECURITY_TOKEN) if settings.get(name)]
    if not named:
        return None
    _all_of(settings, ACCESS_KEY, SECRET_KEY)
    return AccessKeys(
        _fits_a_header(settings[ACCESS_KEY], ACCESS_KEY),
        settings[SECRET_KEY],
        _fits_a_header(settings.get(SECURITY_TOKEN, ""), SECURITY_TOKEN),
    )


def _all_of(settings: Mapping[str, str], *names: str) -> None:
    given = [name for name in names if settings.get(name)]
    for name in names:
        if name not in given:
            reason = f"{given[0]} is set" if given else f"{SECURITY_TOKEN} is set"
            raise SettingsError(f"{name}: not set, but {reason}")


def _fits_a_header(value: str, name: str) -> str:
    """Refused here, without showing it: the HTTP library would put the value into its error."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise SettingsError(f"{name}: holds a character that no credential has")
    return value


def profile(path: Path) -> AccessKeys | None:
    """The keys of the section [basic] of a profile file; None when there is no file or no such section.

    SettingsError when it cannot be read, or names only half a pair. Its lines are never shown.
    """
    shown = f"~/{PROFILE.as_posix()}"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown}: cannot be read ({type(error).__name__})") from None
    except configparser.Error:
        raise SettingsError(f"{shown}: not an INI file") from None
    if not parser.has_section("basic"):
        return None
    section = {name: value.strip() for name, value in parser.items("basic")}
    access, secret = section.get("ak", ""), section.get("sk", "")
    if not access and not secret:
        return None
    if not access or not secret:
        raise SettingsError(f"{shown}: [basic] needs both ak and sk")
    return AccessKeys(
        _fits_a_header(access, f"{shown}: ak"),
        secret,
        _fits_a_header(section.get("security_token", ""), f"{shown}: security_token"),
    )
