"""The order in which credentials are looked for, and what is said when none is whole."""

from __future__ import annotations

import httpx
import pytest

from bot.csms import AkSkAuth, MetadataAuth, PasswordAuth, TokenAuth, credentials
from bot.csms.credentials import profile
from bot.errors import SettingsError

IAM = "https://iam.example-1.myhuaweicloud.com"
KEYS = {"HUAWEICLOUD_SDK_AK": "AKAK", "HUAWEICLOUD_SDK_SK": "SKSK"}
USER = {"HW_USER_NAME": "bot", "HW_USER_PASSWORD": " hunter2 ", "HW_DOMAIN_NAME": "account"}
TOKEN = {"HW_AUTH_TOKEN": "ready"}


def chosen(env, **more):
    return credentials(env, project_id="p", **{"iam_endpoint": IAM, **more})


@pytest.fixture
def home(tmp_path):
    """A home directory with a profile file."""
    write(tmp_path, "[basic]\nak = AKFILE\nsk = SK%FILE\n")
    return tmp_path


def write(home, text):
    path = home / ".huaweicloud" / "credentials"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_the_order_is_keys_then_user_then_token_then_profile_then_metadata(home):
    everything = [KEYS, USER, TOKEN]
    kinds = []
    for start in range(4):
        env = {name: value for part in everything[start:] for name, value in part.items()}
        kinds.append(type(chosen(env, home=home)))

    assert kinds == [AkSkAuth, PasswordAuth, TokenAuth, AkSkAuth]
    assert type(chosen({}, home=home.parent / "nobody")) is MetadataAuth


def test_a_security_token_makes_the_key_temporary():
    assert chosen({**KEYS, "HUAWEICLOUD_SDK_SECURITY_TOKEN": "STS"}).kind == "temporary access key"
    assert chosen({**KEYS, "HUAWEICLOUD_SDK_SECURITY_TOKEN": ""}).kind == "access key"


@pytest.mark.parametrize(
    ("env", "missing"),
    [
        ({"HUAWEICLOUD_SDK_AK": "hunter2"}, "HUAWEICLOUD_SDK_SK"),
        ({"HUAWEICLOUD_SDK_SK": "hunter2"}, "HUAWEICLOUD_SDK_AK"),
        ({"HUAWEICLOUD_SDK_AK": "hunter2", "HUAWEICLOUD_SDK_SK": "  "}, "HUAWEICLOUD_SDK_SK"),
        ({"HUAWEICLOUD_SDK_SECURITY_TOKEN": "hunter2"}, "HUAWEICLOUD_SDK_AK"),
        ({"HW_USER_NAME": "hunter2"}, "HW_USER_PASSWORD"),
        ({"HW_USER_PASSWORD": "hunter2"}, "HW_USER_NAME"),
        ({"HW_USER_NAME": "u", "HW_USER_PASSWORD": "hunter2"}, "HW_DOMAIN_NAME"),
        ({"HUAWEICLOUD_SDK_AK": "hunter2", **USER}, "HUAWEICLOUD_SDK_SK"),
    ],
)
def test_what_is_half_given_is_an_error_that_names_the_missing_half(env, missing):
    with pytest.raises(SettingsError, match=f"^{missing}: ") as caught:
        chosen(env)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_domain_alone_is_no_half_of_anything():
    assert type(chosen({"HW_DOMAIN_NAME": "account", **TOKEN})) is TokenAuth


def test_a_user_needs_an_address_of_iam():
    with pytest.raises(SettingsError, match=r"^HUAWEICLOUD_SDK_IAM_ENDPOINT: "):
        chosen(USER, iam_endpoint="")


def test_a_password_is_not_sent_over_plain_http():
    with pytest.raises(SettingsError, match=r"^HUAWEICLOUD_SDK_IAM_ENDPOINT must begin with https"):
        chosen(USER, iam_endpoint="http://iam.example-1.myhuaweicloud.com")


async def test_a_password_keeps_its_spaces():
    bodies = []

    def iam(request):
        bodies.append(request.content)
        return httpx.Response(500)

    auth = chosen(USER, transport=httpx.MockTransport(iam))
    async with httpx.AsyncClient(auth=auth) as opened:
        with pytest.raises(Exception, match="KeystoneCreateUserTokenByPassword"):
            await opened.get(IAM)

    assert b'"password":" hunter2 "' in bodies[0]


@pytest.mark.parametrize("name", ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SECURITY_TOKEN", "HW_AUTH_TOKEN"])
@pytest.mark.parametrize("value", ["hunter2\nX: y", "hunter2 x", "hünter2", "hunter2\x00"])
def test_a_value_that_would_break_a_header_is_refused_unseen(name, value):
    env = {**({} if name == "HW_AUTH_TOKEN" else KEYS), name: value}
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        chosen(env)
    assert "nter2" not in str(caught.value)


def test_without_any_credential_the_error_says_what_can_be_set():
    with pytest.raises(SettingsError, match="no credentials") as caught:
        chosen({}, metadata="")
    assert "HUAWEICLOUD_SDK_AK" in str(caught.value)
    assert "HW_AUTH_TOKEN" in str(caught.value)


def test_the_metadata_service_is_not_asked_before_it_is_needed():
    def nobody(_request):
        raise AssertionError("asked too early")

    assert chosen({}, transport=httpx.MockTransport(nobody)).kind == "ECS metadata"


@pytest.mark.parametrize("base", ["http://metadata.example", "http://10.0.0.1"])
def test_metadata_comes_from_this_machine_or_its_link_only(base):
    with pytest.raises(SettingsError, match="metadata"):
        chosen({}, metadata=base)


def test_a_profile_file_gives_keys_and_security_token(tmp_path):
    path = write(
        tmp_path, "[global]\nak=other\n[basic]\nak = AK\nsk = S%K\nsecurity_token = STS\nproject_id = x\n"
    )

    keys = profile(path)

    assert (keys.access_key, keys.secret_key, keys.security_token) == ("AK", "S%K", "STS")


@pytest.mark.parametrize("text", ["", "[global]\nak=a\nsk=b\n", "[basic]\n", "[basic]\nproject_id = x\n"])
def test_a_profile_file_without_basic_keys_is_passed_over(tmp_path, text):
    assert profile(write(tmp_path, text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "[basic]\nak = hunter2\n",
        "[basic]\nsk = hunter2\n",
        "ak = hunter2\n",
        "[basic]\nhunter2\n",
        "[basic]\nak=a\nsk=b\n[basic]\nak=hunter2\n",
        "[basic]\nak = hunter2 x\nsk = b\n",
    ],
)
def test_a_profile_file_that_cannot_be_used_is_an_error_without_its_contents(tmp_path, text):
    with pytest.raises(SettingsError, match=r"~/\.huaweicloud/credentials") as caught:
        profile(write(tmp_path, text))
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_profile_file_that_is_a_directory_or_no_text_is_an_error(tmp_path):
    (tmp_path / "dir").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        profile(tmp_path / "dir")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe[basic]")
    with pytest.raises(SettingsError, match="cannot be read"):
        profile(tmp_path / "bytes")
