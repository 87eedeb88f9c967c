"""From the norm to the output of attention: the numbers of the steps are those of torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from torch import Tensor

from tests.web.guide.recomputed import assert_recomputed, close, number_in
from tests.web.guide.truth import Truth, truth_of
from tests.web.guide.visitor import choose_and_wait, open_step, shapes, verdict

LAYER, HEAD, PATCH = 3, 2, 27
TOKEN = PATCH + 1  # after the class token
ALL_TOKENS = 65
HEAD_WIDTH = 64
STEPS = ("8b", "9", "10", "11", "12", "13", "14", "15", "16")


@pytest.fixture(scope="module")
def followed(browser: Browser, address: str, picture: bytes) -> Iterator[Page]:
    """Give the guide in a browser, following a picture of the visitor's own."""
    context = browser.new_context(reduced_motion="reduce", locale="en-US")
    page = context.new_page()
    page.goto(f"{address}guide")
    page.locator("#step[data-drawn]").wait_for()
    choose_and_wait(page, picture)
    yield page
    context.close()


@pytest.fixture
def truth(picture: bytes) -> Truth:
    return truth_of(picture)


@pytest.fixture
def open_at(followed: Page) -> Callable[..., Page]:
    """Give a function that opens a step at the layer, head and patch of these tests."""

    def open_at(step: str, **view: int | str) -> Page:
        open_step(followed, "0", patch=PATCH)  # so that no step is drawn that is asked for anew
        open_step(followed, step, **{"layer": LAYER, "head": HEAD, "patch": PATCH, **view})
        return followed

    return open_at


def of_head(values: Tensor) -> Tensor:
    return values[0, HEAD]


def readout(page: Page, matrix: str) -> str:
    figure = page.locator("#drawing .matrix", has=page.locator(f'[data-focus="{matrix}"]'))
    return figure.locator(".readout").inner_text()


def ranked(page: Page) -> list[float]:
    """Give the numbers of a ranking, from the top."""
    values = "all => all.map(({ value }) => Number(value))"
    return page.locator(".ranking data").evaluate_all(values)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_shows_its_words_and_says_that_its_number_is_true(open_at, step):
    page = open_at(step)
    assert verdict(page) == "true"
    expect(page.locator("#step-title")).not_to_be_empty()
    assert "_" not in page.locator("#step").inner_text()  # a text that is missing shows its key


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("8b", [(65, 192), (65, 192)]),
        ("9", [(65, 64), (65, 64), (65, 64)]),
        ("10", [(65, 64), (64, 65), (65, 65)]),
        ("11", [(65, 65), (65, 65)]),
        ("12", [(1, 65), (65, 64), (1, 64)]),
        ("13", [(65, 65), (65, 64), (65, 64)]),
        ("14", [(6, 3, 64), (3, 65, 64)]),
        ("15", [(3, 65, 64), (65, 192), (192, 192), (65, 192)]),
        ("16", [(65, 192), (65, 192)]),
    ],
)
def test_a_step_has_the_shapes_of_its_tensors(open_at, step, expected):
    shown = [shape.split(" \u00d7 ") for shape in shapes(open_at(step))]
    assert [tuple(map(int, shape)) for shape in shown] == expected


def test_8b_shows_mean_and_spread_of_the_token_before_and_after(open_at, truth):
    page = open_at("8b", cell=f"{TOKEN}.5")
    values = truth.values(LAYER)
    assert_recomputed(page, values.norm1[0, TOKEN, 5])
    said = page.locator(".strip figcaption span").all_inner_texts()
    before, after = values.tokens[0, TOKEN], values.norm1[0, TOKEN]
    for text, row in ((said[0], before), (said[2], after)):
        mean, spread = (number_in(part) for part in text.split(","))
        assert mean == close(row.mean().item(), 1e-3)
        assert spread == close(row.std(unbiased=False).item(), 1e-3)
    assert [number_in(part) for part in said[1].split(",")] == [0, 1]


def test_9_recomputes_a_number_of_query_key_and_value(open_at, truth):
    values = truth.values(LAYER)
    for place, kind in enumerate(("query", "key", "value")):
        page = open_at("9", cell=f"{TOKEN}.{place * HEAD_WIDTH + 7}")
        expected = of_head(getattr(values, kind))[TOKEN, 7]
        assert_recomputed(page, expected)
        assert number_in(readout(page, kind.capitalize())) == close(expected.item())
        expect(page.locator(".panel.chosen h3")).to_contain_text(kind.capitalize())


def test_9_a_cell_of_the_keys_is_picked_by_the_keyboard(open_at, truth):
    page = open_at("9", cell=f"{TOKEN}.{HEAD_WIDTH}")
    page.locator('[data-focus="Key"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#check-formula")).to_contain_text(f"k[{TOKEN}, 1]")
    assert_recomputed(page, of_head(truth.values(LAYER).key)[TOKEN, 1])


def test_10_sums_the_score_of_a_query_and_a_key(open_at, truth):
    page = open_at("10", cell=f"{TOKEN}.12")
    values = truth.values(LAYER)
    score = of_head(values.scores)[TOKEN, 12]
    assert_recomputed(page, score)
    product = of_head(values.query)[TOKEN] @ of_head(values.key)[12]
    summed, _, result = page.locator(".meeting .formula").inner_text().partition("/")
    assert number_in(summed) == close(product.item(), 1e-3)
    assert number_in(result) == close(score.item(), 1e-3)


def test_10_the_pair_under_the_pointer_is_shown_on_the_picture_and_summed(open_at, truth):
    page = open_at("10", cell=f"{TOKEN}.12")
    cells = page.locator("#drawing .matrix .cells").first
    box = cells.bounding_box()
    query, key = 41, 20
    side = box["width"] / ALL_TOKENS
    cells.scroll_into_view_if_needed()
    cells.hover(position={"x": (key + 0.5) * side, "y": (query + 0.5) * side})
    names = page.locator(".pair figcaption p")
    expect(names.nth(0)).to_have_text("qpatch 40 (row 5, column 0)")
    expect(names.nth(1)).to_have_text("kpatch 19 (row 2, column 3)")
    for kind, place in (("query", ("0", "5")), ("key", ("3", "2"))):
        mark = page.locator(f".pair rect.{kind}")
        assert (mark.get_attribute("x"), mark.get_attribute("y")) == place
    score = of_head(truth.values(LAYER).scores)[query, key].item()
    assert number_in(page.locator(".meeting .formula").inner_text()) == close(score, 1e-3)
    assert number_in(page.locator(".sum .total").inner_text()) == close(score, 1e-3)


def test_10_the_class_token_has_no_place_on_the_picture(open_at):
    page = open_at("10", cell=f"0.{TOKEN}")
    expect(page.locator(".pair figcaption p").first).to_have_text("qclass token")
    assert page.locator(".pair rect.query").count() == 0
    assert page.locator(".pair rect.key").count() == 1


def test_11_the_row_of_the_pinned_patch_sums_to_1_and_is_painted(open_at, truth):
    page = open_at("11")
    attention = of_head(truth.values(LAYER).attention)
    assert number_in(page.locator(".proof").inner_text()) == close(1, 1e-6)
    strongest = int(attention[TOKEN].argmax())
    assert_recomputed(page, attention[TOKEN, strongest])
    painted = page.locator("#drawing .patch-grid .readout")
    assert number_in(painted.inner_text()) == close(attention[TOKEN, TOKEN].item(), 1e-3)
    share = page.locator("#drawing .beside .muted").last.inner_text().split("%")[0]
    assert float(share) == pytest.approx(100 * attention[TOKEN, 0].item(), abs=0.06)


def test_11_the_bars_are_scores_before_and_shares_after(open_at, truth):
    page = open_at("11", cell=f"{TOKEN}.9")
    values = truth.values(LAYER)
    before, after = (
        page.get_by_role("slider", name="Before"),
        page.get_by_role("slider", name="After"),
    )
    for bars, tensor in ((before, values.scores), (after, values.attention)):
        row = of_head(tensor)[TOKEN]
        assert number_in(bars.get_attribute("aria-valuetext")) == close(row[9].item(), 1e-3)
        bars.focus()
        page.keyboard.press("ArrowRight")
        assert number_in(bars.get_attribute("aria-valuetext")) == close(row[10].item(), 1e-3)


def test_11_a_switch_shows_the_class_tokens_row(open_at, truth):
    page = open_at("11")
    page.get_by_role("button", name="class token").click()
    expect(page.locator("#check-formula")).to_contain_text("A[0,")
    expect(page.get_by_role("button", name="class token")).to_have_attribute("aria-pressed", "true")
    assert_recomputed(page, of_head(truth.values(LAYER).attention)[0].max())


def test_12_ranks_who_gives_most_to_the_class_token(open_at, truth):
    page = open_at("12", cell="0.9")
    values = truth.values(LAYER)
    sizes = of_head(values.attention)[0] * of_head(values.value).norm(dim=-1)
    assert_recomputed(page, of_head(values.context)[0, 9])
    shown = ranked(page)
    best = sizes.sort(descending=True)
    assert shown[:6] == [close(size) for size in best.values[:6].tolist()]
    mine = float(page.locator(".ranking .row.mine data").get_attribute("value"))
    assert mine == close(sizes[TOKEN].item())


def test_12_a_patch_of_the_ranking_can_be_made_ones_own(open_at, truth):
    page = open_at("12")
    values = truth.values(LAYER)
    sizes = of_head(values.attention)[0] * of_head(values.value).norm(dim=-1)
    patch = int(sizes[1:].argmax())
    page.locator("button.row", has_text=f"patch {patch} ").click()
    expect(page.locator("#mine-patch")).to_contain_text(f"patch {patch} ")


def test_13_a_cell_is_a_row_of_attention_times_a_column_of_values(open_at, truth):
    page = open_at("13", cell="40.33")
    context = of_head(truth.values(LAYER).context)
    assert_recomputed(page, context[40, 33])
    page.locator('[data-focus="O"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#check-formula")).to_contain_text("O[41, 33]")
    assert_recomputed(page, context[41, 33])


def test_14_the_wall_paints_every_heads_attention(open_at, truth):
    page = open_at("14")
    attention = truth.readout_attention  # [L, H, n]
    assert page.get_by_role("radio").count() == attention.shape[0] * attention.shape[1]
    brightest = page.evaluate(
        """([layers, heads]) => {
          const canvas = document.querySelector(".wall canvas");
          const { width, height } = canvas;
          const [across, down] = [width / heads / 10, height / layers / 10]; // 8 patches, 2 between
          const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
          const red = (x, y) => data[(Math.floor(y) * width + Math.floor(x)) * 4];
          return Array.from({ length: layers * heads }, (_, tile) => {
            const [top, left] = [Math.floor(tile / heads) * 10 + 1.5, (tile % heads) * 10 + 1.5];
            const reds = Array.from({ length: 64 }, (_, patch) =>
              red((left + (patch % 8)) * across, (top + Math.floor(patch / 8)) * down));
            return reds.indexOf(Math.max(...reds));
          });
        }""",
        list(attention.shape[:2]),
    )
    tiles = attention.flatten(0, 1)
    found = tiles.gather(1, torch.tensor(brightest)[:, None])[:, 0]
    assert found.tolist() == [pytest.approx(most, rel=0.01) for most in tiles.amax(dim=1).tolist()]


def test_14_choosing_a_thumbnail_chooses_layer_and_head(open_at, truth):
    page = open_at("14")
    page.get_by_role("radio", name="Layer 1, head 0").click()
    expect(page.locator("#check")).to_be_visible()
    expect(page.get_by_role("radio", checked=True)).to_have_accessible_name("Layer 1, head 0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    chosen = page.get_by_role("radio", checked=True)
    expect(chosen).to_have_accessible_name("Layer 2, head 1")
    expect(chosen).to_be_focused()
    expect(page.locator("#layer")).to_have_value("2")
    expect(page.locator("#head")).to_have_value("1")
    expect(page).to_have_url(re.compile("layer=2&head=1"))
    seen = truth.readout_attention[2, 1]
    expect(page.locator("#drawing")).to_contain_text(f"Strongest: patch {int(seen.argmax())} ")
    assert_recomputed(page, seen[PATCH])


def test_15_sums_what_each_head_adds_to_a_number_of_z(open_at, truth):
    page = open_at("15", cell=f"{TOKEN}.50")
    values, output = truth.values(LAYER), truth.block(LAYER).attn.proj
    assert_recomputed(page, values.projection[0, TOKEN, 50])
    products = values.merged[0, TOKEN] * output.weight[50]
    parts = [*products.reshape(-1, HEAD_WIDTH).sum(dim=-1).tolist(), output.bias[50].item()]
    shown = ranked(page)
    assert shown == [close(part) for part in parts]
    assert number_in(page.locator(".section .formula").inner_text().split(":")[0]) == close(
        values.projection[0, TOKEN, 50].item(), 1e-3
    )


def test_15_a_head_can_be_chosen_where_it_adds(open_at):
    page = open_at("15")
    page.locator("button.row", has_text="Head 1").click()
    expect(page.locator("#head")).to_have_value("1")
    expect(page.locator("button.row", has_text="Head 1")).to_have_attribute("aria-pressed", "true")


def test_16_what_comes_out_has_the_size_of_what_went_in(open_at, truth):
    page = open_at("16", cell=f"{TOKEN}.50")
    values = truth.values(LAYER)
    assert_recomputed(page, values.projection[0, TOKEN, 50])
    assert values.tokens.shape == values.projection.shape
    expect(page.locator(".badge-line")).to_contain_text("the same size")
    ends = page.locator(".thin-strip .said").all_inner_texts()
    assert [number_in(end) for end in ends] == [
        close(values.tokens[0, TOKEN, 50].item(), 1e-3),
        close(values.projection[0, TOKEN, 50].item(), 1e-3),
    ]
