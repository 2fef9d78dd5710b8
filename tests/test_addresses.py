"""Addresses: of services, and those to which a credential may be sent."""

from __future__ import annotations

import pytest

from bot.addresses import beside, checked, is_safe, of_region
from bot.csms import address
from bot.errors import SettingsError


def test_a_region_gives_the_addresses_of_its_services():
    assert of_region("kms", "ap-southeast-3") == "https://kms.ap-southeast-3.myhuaweicloud.com"
    assert of_region("iam", "ap-southeast-3") == "https://iam.ap-southeast-3.myhuaweicloud.com"


@pytest.mark.parametrize(
    ("endpoint", "neighbour"),
    [
        ("https://kms.ap-southeast-3.myhuaweicloud.com", "https://smn.ap-southeast-3.myhuaweicloud.com"),
        ("https://kms.eu-west-101.myhuaweicloud.eu", "https://smn.eu-west-101.myhuaweicloud.eu"),
        ("https://csms-gateway.example.com/kms.", "https://csms-gateway.example.com/kms."),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_neighbours_of_csms_are_in_its_domain_or_behind_the_same_gateway(endpoint, neighbour):
    assert beside(endpoint, "smn") == neighbour


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
    assert checked(text) == expected
    assert is_safe(expected)


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
    with pytest.raises(SettingsError, match=r"^CSMS_BOT_ENDPOINT (is not|must)") as caught:
        address(text, setting="CSMS_BOT_ENDPOINT")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["wss://wss.slack.com/link", "ws://127.0.0.1:80/link", "https://hooks.slack.com/x"]
)
def test_what_slack_names_may_be_a_socket_too(text):
    assert is_safe(text)


@pytest.mark.parametrize(
    "text",
    ["ws://wss.slack.com", "http://hooks.slack.com", "file:///etc/passwd", "wss://", "wss://[", "", "x"],
)
def test_what_is_neither_encrypted_nor_here_is_not_safe(text):
    assert not is_safe(text)


def test_a_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(SettingsError) as caught:
        address("https://someone:hunter2@kms.example.com", setting="CSMS_BOT_ENDPOINT")
    assert "hunter2" not in str(caught.value)


def test_only_the_metadata_service_may_be_link_local():
    assert address("http://169.254.169.254", setting="X", link_local=True) == "http://169.254.169.254"
    with pytest.raises(SettingsError):
        address("http://192.168.0.1", setting="X", link_local=True)
