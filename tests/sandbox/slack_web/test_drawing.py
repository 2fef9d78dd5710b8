"""Texts as nodes: what mrkdwn becomes, and that nothing hostile becomes anything."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from playwright.async_api import Page, expect

from tests.sandbox.slack_web.conftest import OpenPage, Site
from tests.sandbox.slack_web.gallery import ALERTS, ENGINEER, GENERAL

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRAWN: Mapping[str, str] = {
    "plain": '<div class="para">plain</div>',
    "*b* _i_ ~s~ `c`": '<div class="para"><strong>b</strong> <em>i</em> <s>s</s> <code>c</code></div>',
    "*_both_*": '<div class="para"><strong><em>both</em></strong></div>',
    "snake_case_name 2*3*4": '<div class="para">snake_case_name 2*3*4</div>',
    "`*not bold*`": '<div class="para"><code>*not bold*</code></div>',
    "a * b * c": '<div class="para">a * b * c</div>',
    "one\ntwo": '<div class="para">one<br>two</div>',
    "&gt; quoted\n&gt; more\nafter": '<blockquote>quoted<br>more</blockquote><div class="para">after</div>',
    "• one\n• two": "<ul><li>one</li><li>two</li></ul>",
    "2. two\n3. three": '<ol start="2"><li>two</li><li>three</li></ol>',
    "```x *y*\n&lt;z&gt;```": '<pre class="code-block">x *y*\n&lt;z&gt;</pre>',
    "```open": '<div class="para">```open</div>',
    "a &amp;lt; b": '<div class="para">a &amp;lt; b</div>',
    "&lt;!channel&gt; &lt;@U00GUEST&gt;": '<div class="para">&lt;!channel&gt; &lt;@U00GUEST&gt;</div>',
    "<script>alert(1)</script>": '<div class="para">&lt;script&gt;alert(1)&lt;/script&gt;</div>',
    "<javascript:alert(1)|click>": '<div class="para">&lt;javascript:alert(1)|click&gt;</div>',
    "<data:text/html,x>": '<div class="para">&lt;data:text/html,x&gt;</div>',
    "<@U00GUEST>": '<div class="para"><span class="mention" data-user="U00GUEST">@guest</span></div>',
    "<@U00ENGINEER|x>": '<div class="para"><span class="mention mention-me" data-user="U00ENGINEER">@engineer</span></div>',
    "<!subteam^S1|@leads>": '<div class="para"><span class="mention" data-usergroup="S1">@leads</span></div>',
    "<!here>": '<div class="para"><span class="mention mention-all" data-broadcast="here">@here</span></div>',
    ":lock: :nosuch: 10:30:45": (
        '<div class="para"><span class="emoji" role="img" aria-label="lock" title=":lock:">🔒</span> :nosuch: 10:30:45</div>'
    ),
}

LINK = '<a class="link" href="{0}" target="_blank" rel="noopener noreferrer">{1}</a>'

LINKS: Mapping[str, tuple[str, str]] = {
    "<https://example.org/a?b=1&amp;c=2|here *now*>": (
        "https://example.org/a?b=1&amp;c=2",
        "here <strong>now</strong>",
    ),
    "<https://example.org|https://other.org>": ("https://example.org/", "https://other.org"),
    "<mailto:ops@example.org>": ("mailto:ops@example.org", "ops@example.org"),
    "https://example.org/x": ("https://example.org/x", "https://example.org/x"),
}


async def html_of(page: Page, expression: str, argument: str) -> str:
    """What a function of the page's own modules makes of a text."""
    script = f"""async (text) => {{
        const {{ mrkdwn }} = await import("/static/mrkdwn.js");
        const {{ markdown }} = await import("/static/markdown.js");
        const host = document.createElement("div");
        host.append(({expression})(text));
        return host.innerHTML;
    }}"""
    drawn: str = await page.evaluate(script, argument)
    return drawn


async def test_mrkdwn_is_drawn_as_slack_draws_it(open_page: OpenPage) -> None:
    page = await open_page()
    assert {text: await html_of(page, "mrkdwn", text) for text in DRAWN} == DRAWN
    for text, (href, shown) in LINKS.items():
        assert await html_of(page, "mrkdwn", text) == f'<div class="para">{LINK.format(href, shown)}</div>'


async def test_dates_are_filled_in_the_readers_time_zone(open_page: OpenPage) -> None:
    page = await open_page(timezone_id="Asia/Shanghai", locale="en-US")
    formats = {
        "{date_num} {time_secs}": "2023-11-15 6:13:20 AM",
        "{date_long}": "Wednesday, November 15th, 2023",
        "{date_short_pretty} at {time}": "Nov 15, 2023 at 6:13 AM",
        "{no_such}": "{no_such}",
    }
    for wanted, shown in formats.items():
        html = await html_of(page, "mrkdwn", f"<!date^1700000000^{wanted}|fallback>")
        assert f">{shown}</time>" in html
        assert 'datetime="2023-11-14T22:13:20.000Z"' in html
    assert await html_of(page, "mrkdwn", "<!date^soon^{date}|then>") == '<div class="para">then</div>'


async def test_the_markdown_block_draws_its_own_syntax(open_page: OpenPage) -> None:
    page = await open_page()
    html = await html_of(
        page, "markdown", "# T\n**b** [l](javascript:alert(1))\n\n- a\n- b\n\n> q\n\n```\n<b>\n```"
    )
    assert '<div class="md-heading md-h1" role="heading" aria-level="3">T</div>' in html
    assert "<strong>b</strong>" in html
    assert "href" not in html
    assert "<ul><li" in html
    assert '<blockquote><div class="para">q</div></blockquote>' in html
    assert '<pre class="code-block">&lt;b&gt;</pre>' in html


HOSTILE = (
    "<script>window.pwned = 1</script> <img src=x onerror='window.pwned = 1'> <svg onload=window.pwned=1> "
    '"><iframe srcdoc="<script>parent.pwned=1</script>"> <javascript:window.pwned=1|press> [x](javascript:window.pwned=1)'
)


async def test_hostile_texts_stay_texts_wherever_they_stand(open_page: OpenPage, site: Site) -> None:
    plain = {"type": "plain_text", "text": HOSTILE}
    leaf = {"type": "text", "text": HOSTILE}
    cells = [[{"type": "raw_text", "text": HOSTILE}]]
    option = {"text": {"type": "plain_text", "text": HOSTILE[:75]}, "value": "<b>"}
    await site.app.call("chat.postMessage", channel=ALERTS, text=HOSTILE)
    await site.app.call(
        "chat.postMessage", channel=ALERTS, text="x", attachments=[{"text": HOSTILE, "title": HOSTILE}]
    )
    await site.app.call("chat.postMessage", channel=ALERTS, text="blocks", blocks=[
        {"type": "section", "text": {"type": "mrkdwn", "text": HOSTILE}, "fields": [plain]},
        {"type": "context", "elements": [plain]},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [leaf]}]},
        {"type": "markdown", "text": HOSTILE},
        {"type": "table", "rows": cells},
        {"type": "actions", "elements": [
            {"type": "static_select", "action_id": "pick", "options": [option], "placeholder": {"type": "plain_text", "text": "<i>"}}]},
    ])  # fmt: skip
    site.workspace.say(ENGINEER, GENERAL, HOSTILE)
    page = await open_page("engineer", "secrets-alerts")
    await page.locator("[data-action-id=pick]").click()
    await expect(page.get_by_role("option")).to_contain_text("<script>")
    await page.keyboard.press("Escape")
    for place in ("secrets-alerts", "general"):
        await page.get_by_test_id(f"channel-{place}").click()
        await expect(page.get_by_test_id("message").last).to_be_visible()
        assert await page.evaluate("window.pwned") is None
        assert await page.locator(".message :is(script, iframe, img, [onerror], [onload])").count() == 0
        hrefs = await page.locator(".message a").evaluate_all("all => all.map(a => a.protocol)")
        assert set(hrefs) <= {"http:", "https:"}
    await expect(page.get_by_test_id("message").last).to_contain_text("<script>window.pwned = 1</script>")


async def test_every_block_of_the_gallery_is_drawn(open_page: OpenPage, site: Site) -> None:
    direct = site.workspace.open_im(ENGINEER).id
    page = await open_page("engineer", direct)
    message = page.get_by_test_id("message").last
    await expect(message.locator("td", has_text="billing-rotation")).to_be_visible()
    await expect(message.locator("ol li")).to_have_text("inner")
    await expect(message.get_by_role("heading", name="Weekly report")).to_be_visible()
    await expect(message.get_by_role("link", name="the runbook")).to_have_attribute(
        "href", "https://example.org/runbook"
    )
    await expect(page.get_by_text("is not drawn here")).to_have_count(0)
    await message.get_by_role("button", name="#secrets-alerts").click()
    await expect(page.get_by_role("heading", name="secrets-alerts")).to_be_visible()
