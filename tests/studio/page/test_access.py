"""The page for everybody: names and roles, focus, contrast, enlarged, touch."""

from typing import Any

from studio_page import rested, shape, tool

TOOLS = ("shape", "paint", "compare", "vary", "tile", "companions", "train", "move", "save")
CONTROLS = {"button", "checkbox", "combobox", "link", "listbox", "option", "radio", "slider", "spinbutton", "textbox"}
CONTRAST = 4.5  # of WCAG 2, level AA

# The contrast of each text that is seen with what lies behind it, where that is less than it should be.
FAINT = """(least) => {
    const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (node) => {
        if (!node) return [255, 255, 255];
        const [r, g, b, a = 1] = parse(getComputedStyle(node).backgroundColor);
        if (a === 1) return [r, g, b];
        return behind(node.parentElement).map((under, index) => under + ([r, g, b][index] - under) * a);
    };
    const found = [];
    for (const node of document.querySelectorAll("body *")) {
        const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
        if (!own || !node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
        if (node.closest(":disabled, .choice:has(:disabled), .unseen, .skip, script")) continue;
        const [one, other] = [light(parse(getComputedStyle(node).color).slice(0, 3)), light(behind(node))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < least) found.push(`${node.textContent.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
    }
    return found;
}"""

AREA = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return "";
    return [".skip", ".bar", ".rail", ".handles", ".panels"].find((area) => at.closest(area)) ?? at.outerHTML;
}"""

# What is cut off or covers something else, of the page's areas and its panel.
CROWDED = """() => {
    const found = [];
    const root = document.scrollingElement;
    if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} px wide`);
    const panels = document.getElementById("panels");
    if (panels.scrollWidth > panels.clientWidth) found.push(`the panel is ${panels.scrollWidth} px wide`);
    const boxes = [".bar", ".rail", ".stage", ".panels"].map((name) => [name, document.querySelector(name)])
        .map(([name, area]) => [name, area.getBoundingClientRect()]);
    for (const [name, a] of boxes) {
        if (a.right > innerWidth + 1) found.push(`${name} ends at ${a.right}`);
        for (const [other, b] of boxes) {
            const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (name < other && across > 1 && down > 1) found.push(`${name} covers ${other}`);
        }
    }
    return found;
}"""


def test_every_control_has_a_role_and_a_name(page: Any) -> None:
    reader = page.context.new_cdp_session(page)
    seen = set()
    for name in TOOLS:
        tool(page, name)
        if name == "move":
            page.click("#key-add")
        for node in reader.send("Accessibility.getFullAXTree")["nodes"]:
            role = node.get("role", {}).get("value")
            if node["ignored"] or role not in CONTROLS:
                continue
            seen.add(role)
            assert node.get("name", {}).get("value", "").strip(), (name, role, node)
        generic = page.evaluate(
            "[...document.querySelectorAll('[onclick], [tabindex=\"0\"]')].filter((each) => !each.ariaLabel).length"
        )
        assert generic == 0, name
    assert {"button", "slider", "spinbutton", "radio", "combobox", "checkbox"} <= seen


def test_tab_goes_through_the_page_in_order_and_out_of_it(page: Any) -> None:
    page.evaluate("document.activeElement.blur()")
    order: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        area = page.evaluate(AREA)
        if area == "":
            break
        if not order or order[-1] != area:
            order.append(area)
    assert area == ""  # it came out again
    assert order == [".skip", ".bar", ".rail", ".handles", ".panels"]


def test_texts_stand_out_in_both_themes(page: Any) -> None:
    page.emulate_media(color_scheme="light")
    for theme in ("light", "dark"):
        if theme == "dark":
            page.click("#theme")
            assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        for name in TOOLS:
            tool(page, name)
            assert page.evaluate(FAINT, CONTRAST) == [], (theme, name)
    page.reload()
    rested(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_twice_as_large_nothing_is_cut_off(page: Any) -> None:
    page.set_viewport_size({"width": 640, "height": 400})  # what is left of 1280x800 at 200 %
    for name in TOOLS:
        tool(page, name)
        assert page.evaluate(CROWDED) == [], name


def test_an_edge_follows_a_finger(page: Any) -> None:
    box = page.locator("[data-handle=right]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    hand = page.context.new_cdp_session(page)
    for kind, dx in (("Start", 0), *(("Move", 10 * step) for step in range(1, 9))):
        hand.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": [{"x": x + dx, "y": y}]})
    hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert shape(page)[0] > 190
    rested(page)
