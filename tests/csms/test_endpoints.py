"""Which addresses a credential may be sent to."""

from __future__ import annotations

import pytest

from bot.csms import address, csms_endpoint, iam_endpoint, smn_endpoint
from bot.errors import SettingsError


def test_a_region_gives_the_three_addresses():
    assert csms_endpoint("ap-southeast-3") == "https://kms.ap-southeast-3.myhuaweicloud.com"
    assert iam_endpoint("ap-southeast-3") == "https://iam.ap-southeast-3.myhuaweicloud.com"
    assert smn_endpoint("ap-southeast-3") == "https://smn.ap-southeast-3.myhuaweicloud.com"


@pytest.mark.parametrize(
    "region", ["", "Cn-North-4", "a b", "evil.example/", "cn-north-4.evil", "-", "a--b", "a\n"]
)
def test_what_is_no_region_makes_no_host_name(region):
    with pytest.raises(SettingsError, match="HW_REGION_NAME"):
        csms_endpoint(region)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://kms.example.com", "https://kms.example.com"),
        ("https://kms.example.com/", "https://kms.example.com"),
        (" https://kms.example.com:8443/prefix/ ", "https://kms.example.com:8443/prefix"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://localhost:80", "http://localhost:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_https_anywhere_and_http_to_this_machine_are_accepted(text, expected):
    assert address(text, setting="X") == expected


@pytest.mark.parametrize(
    "text",
    [
        "http://kms.example.com",
        "http://10.0.0.1",
        "http://169.254.169.254",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://[::2]",
        "ftp://127.0.0.1",
        "kms.example.com",
        "https://",
        "",
        "https://h:port",
        "https://h:99999",
        "https://[::1",
        "https://h/?a=b",
        "https://h/#a",
    ],
)
def test_any_other_address_is_refused_and_the_setting_is_named(text):
    with pytest.raises(SettingsError, match=r"^CSMS_BOT_ENDPOINT: ") as caught:
        address(text, setting="CSMS_BOT_ENDPOINT")
    assert "\n" not in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(SettingsError) as caught:
        address("https://someone:hunter2@kms.example.com", setting="CSMS_BOT_ENDPOINT")
    assert "hunter2" not in str(caught.value)


def test_only_the_metadata_service_may_be_link_local():
    assert address("http://169.254.169.254", setting="X", link_local=True) == "http://169.254.169.254"
    with pytest.raises(SettingsError):
        address("http://192.168.0.1", setting="X", link_local=True)
