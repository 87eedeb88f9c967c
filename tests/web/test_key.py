"""The page in front of a service that asks for a key."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from service.keys import add_key
from tests.web.conftest import PATIENCE_MILLISECONDS
from tests.web.servers import running_server
from tests.web.visitor import bars, choose_and_wait


def use_key(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use this key").click()


@pytest.fixture
def visitor(browser: Browser):
    """A page in a fresh context, that has not gone anywhere."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    yield page
    context.close()


def test_a_visitor_is_asked_for_the_key_and_it_goes_with_every_request_of_the_tab(
    visitor, tmp_path, picture
):
    file = tmp_path / "keys.txt"
    key = add_key(file, "visitor", "use")
    with running_server("--api-keys-file", str(file)) as (address, _):
        visitor.goto(address)
        notice = visitor.get_by_role("alert")
        expect(notice).to_contain_text("Unauthorized")
        use_key(visitor, "wrong")
        expect(notice).to_contain_text("the key is not known")
        use_key(visitor, f" {key}\n")
        expect(visitor.locator("#model-name")).not_to_be_empty()
        expect(notice).to_be_hidden()
        choose_and_wait(visitor, picture)
        assert bars(visitor)
        visitor.reload()
        expect(visitor.locator("#model-name")).not_to_be_empty()
        assert visitor.evaluate("localStorage.length") == 0
