"""The demo page, as a person uses it, in a real browser: list, form, approval by another, alert, audit."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.support.browser import browser, open_page, type_in
from tests.support.stage import stage, until

TOPIC = "urn:smn:cn-north-4:5f1d7c0e9a3b4c6d8e2f0a1b2c3d4e5f:platform-oncall"


async def test_a_person_lists_changes_approves_sees_an_alert_and_the_audit_log(tmp_path: Path):
    async with stage(tmp_path, socket_mode=True) as bot, browser() as chromium:
        address = bot.slack.base_url
        page = await open_page(chromium, f"{address}/?as=engineer&channel=secrets-alerts")

        await type_in(page, "/csms list")
        await expect(page.get_by_text("8 events").last).to_be_visible()
        await expect(page.get_by_text("checkout-db-rotation").last).to_be_visible()

        await type_in(page, "/csms update checkout-db-rotation")
        form = page.get_by_test_id("modal")
        await expect(form.get_by_label("Target id")).to_have_value(f"{TOPIC}-old")
        await page.get_by_test_id("modal-submit").click()
        await expect(form.get_by_text("Nothing to change")).to_be_visible()
        await form.get_by_label("Target id").fill(TOPIC)
        await form.get_by_label("Target name").fill("platform-oncall")
        await form.get_by_label("Reason").fill("the old topic is gone")
        await page.get_by_test_id("modal-submit").click()
        await expect(form.get_by_text("CR-1 was asked for.")).to_be_visible()
        await page.get_by_test_id("modal-close").click()

        await page.goto(f"{address}/?as=approver&channel=secrets-approvals")
        card = page.get_by_test_id("message").filter(has_text="CR-1: change checkout-db-rotation")
        await card.get_by_role("button", name="Approve").click()
        await expect(page.get_by_test_id("confirm")).to_contain_text("checkout-db-rotation")
        assert bot.puts() == []
        await page.get_by_test_id("confirm-yes").click()
        await expect(card.get_by_text("Applied", exact=False)).to_be_visible()
        assert [body["notification"]["target_id"] for body in bot.puts()] == [TOPIC]

        await page.goto(f"{address}/?as=subscriber&channel=secrets-alerts")
        bot.world.trigger("mail-gateway-credentials", "SECRET_VERSION_EXPIRED")
        alert = page.get_by_test_id("message").filter(
            has_text="Notice not delivered: mail-gateway-credentials"
        )
        await expect(alert).to_be_visible()
        await expect(alert).to_contain_text("mail-gateway-login")
        await alert.get_by_role("button", name="Acknowledge").click()
        await expect(alert).to_contain_text("Acknowledged by")

        await type_in(page, "/csms audit")
        log = page.get_by_test_id("message").filter(has_text="Audit log")
        await expect(log).to_contain_text("asked for a change")
        await expect(log).to_contain_text("approved, the last approval needed")
        await until(lambda: ("system", "change.apply", "applied") in bot.audit())
        assert page.complaints == []  # type: ignore[attr-defined]
