// Whether a page can be used by everybody: by axe's rules, by the keyboard, on small screens, from right to left.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What WCAG 2.2 AA forbids of what is seen now, as sentences. */
export async function violations(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const rules = { "target-size": { enabled: true } };
    const { violations } = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"], rules, resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.flat(9).join(" ")}: ${failureSummary.replaceAll("\n", " ")}`));
  });
  return found;
}

/** By how many pixels a page is wider than the screen. */
export function overflow(page) {
  return page.evaluate(() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - document.documentElement.clientWidth);
}

/** What of a page's controls Tab doesn't reach, or reaches without that it shows. */
export async function unreached(page) {
  await page.evaluate(prepare);
  const offences = [];
  for (let presses = 0; presses < 400; presses++) {
    await page.keyboard.press("Tab");
    const { isOver, offence } = await page.evaluate(() => tabbed());
    if (offence) offences.push(offence);
    if (isOver) break;
  }
  return [...offences, ...(await page.evaluate(() => missed()))];
}

/** Hints that no field is described by, and problems that belong to no field marked as wrong. */
export function untied(page) {
  return page.evaluate(() => {
    const described = (mark) => [...document.querySelectorAll(`${mark}[aria-describedby]`)].flatMap((field) => field.getAttribute("aria-describedby").split(" "));
    const [all, wrong] = [described(""), described("[aria-invalid=true]")];
    const dangling = all.filter((id) => !document.getElementById(id)).map((id) => `nothing is called ${id}`);
    const hints = [...document.querySelectorAll(".field .hint")].filter(({ id }) => !all.includes(id)).map((hint) => `no field has the hint: ${hint.textContent}`);
    const problems = [...document.querySelectorAll(".field .wrong")].filter(({ id }) => !wrong.includes(id)).map((problem) => `no field has the problem: ${problem.textContent}`);
    return [...dangling, ...hints, ...problems];
  });
}

/** Runs in the page. */
function prepare() {
  const controls = "a[href],button:not(:disabled),input:not([type=hidden],:disabled),select:not(:disabled),textarea:not(:disabled),summary,[tabindex='0']";
  const within = (root) => [...root.querySelectorAll("*")].flatMap((element) => [...(element.matches(controls) ? [element] : []), ...(element.shadowRoot ? within(element.shadowRoot) : [])]);
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest("details:not([open]) > :not(summary)");
  const name = (element) => element.outerHTML.slice(0, 120);
  const reached = new Set();
  let last;
  const focused = () => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element;
  };
  window.tabbed = () => {
    const element = focused();
    // A date has a stop for each of its parts.
    if (element && element === last) return { isOver: false };
    if (!element || element === document.body || reached.has(element)) return { isOver: true };
    reached.add(element);
    last = element;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const shows = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    return { isOver: false, offence: shows ? undefined : `its focus isn't seen: ${name(element)}` };
  };
  window.missed = () => within(document).filter((element) => isShown(element) && !reached.has(element)).map((element) => `Tab doesn't reach: ${name(element)}`);
  document.activeElement?.blur();
  getSelection().removeAllRanges();
  window.scrollTo(0, 0);
}
