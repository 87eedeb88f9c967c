"""Language, colours, model and key."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from service.keys import add_key
from service.settings import EMBEDDED_BUNDLES
from tests.web.guide.test_guide import IDS
from tests.web.guide.visitor import wait_for_step
from tests.web.servers import running_server

CHAPTERS = ["core", "picture", "tokens", "attention", "block", "answer"]
DICTIONARY = """
async ([chapter, language]) => {
  const { default: texts } = await import(`/web/guide/strings/${chapter}.${language}.js`);
  return texts;
}
"""


def test_the_language_is_the_browsers_at_first(open_guide):
    page = open_guide(locale="ko-KR")
    assert page.locator("html").get_attribute("lang") == "ko"
    expect(page.locator("#rail a").nth(2)).to_contain_text("패치로 자르기")


def test_another_language_is_spoken_at_once_and_remembered(open_guide):
    page = open_guide("step=2")
    page.get_by_label("Language").select_option("ko")
    expect(page.locator("#step-title")).to_have_text("패치로 자르기")
    assert page.locator("html").get_attribute("lang") == "ko"
    page.reload()
    wait_for_step(page, "2")
    expect(page.locator("#step-title")).to_have_text("패치로 자르기")
    expect(page.locator("#next")).to_contain_text("다음")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_both_languages_say_the_same_things(guide, chapter):
    english, korean = (guide.evaluate(DICTIONARY, [chapter, language]) for language in ("en", "ko"))
    assert set(english) <= set(korean)
    for name in english:
        assert places(english[name]) == places(korean[name]), name


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_step_is_introduced_in_two_or_three_sentences(guide, language):
    counted = {}
    for chapter in CHAPTERS:
        for name, words in guide.evaluate(DICTIONARY, [chapter, language]).items():
            if re.fullmatch(r"step\d+b?_text(_none|_after|_pre_norm)?", name):
                counted[name] = len(re.findall(r"[.?!](?=\s|$)", words))
    assert {f"step{step}_text" for step in IDS} <= counted.keys()
    assert {name: count for name, count in counted.items() if count not in (2, 3)} == {}


def places(text: str) -> set[str]:
    return {part.split("}")[0] for part in text.split("{")[1:]}


def test_dark_colours_can_be_chosen_and_are_remembered_on_both_pages(open_guide, address):
    page = open_guide(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Colours").select_option("dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.goto(address)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_without_a_choice_the_colours_follow_the_device(open_guide):
    page = open_guide(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


@pytest.fixture
def two_models(tmp_path: Path, tiny_bundles: Path) -> Path:
    shutil.copytree(EMBEDDED_BUNDLES, tmp_path / "bundles")
    shutil.copytree(tiny_bundles / "tiny", tmp_path / "bundles" / "tiny")
    return tmp_path / "bundles"


def test_another_model_follows_the_same_picture(open_guide, two_models):
    with running_server("--bundles", str(two_models)) as (address, _):
        page = open_guide("step=2&patch=60", at=address)
        page.locator("#model").select_option(label="tiny 1")
        expect(page.locator("#model-name")).to_contain_text("tiny")
        expect(page.locator("#drawing figcaption").first).to_contain_text("4 × 4 = 16 patches")
        expect(page.locator("#mine-patch")).to_contain_text("patch 15")


def test_a_visitor_is_asked_for_the_key(browser, tmp_path):
    file = tmp_path / "keys.txt"
    key = add_key(file, "visitor", "use")
    with running_server("--api-keys-file", str(file)) as (address, _):
        context = browser.new_context(reduced_motion="reduce")
        page = context.new_page()
        page.goto(f"{address}guide")
        expect(page.get_by_role("alert")).to_contain_text("Unauthorized")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Use this key").click()
        wait_for_step(page, "0")
        expect(page.get_by_role("alert")).to_be_hidden()
        context.close()
