// The page in a real browser: tests/bench/page starts what this needs and says where it is.
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";

const { DIR, ADMIN, WEBHOOK, SECRET, SITE_ADMIN, ONE_SITE, SITE_DIR } = process.env;
const require = createRequire(DIR + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PAGES = ["/", "/page/events", "/page/ports", "/page/meetups", "/page/destinations", "/page/system"];

let failures = 0;
function check(what, holds, why = "") {
  console.log(`  ${holds ? "ok    " : "FAILED"}  ${what}${holds ? "" : `: ${why}`}`);
  if (!holds) failures += 1;
}

async function post(events) {
  const body = JSON.stringify({ topic: "device-events", events });
  const signature = createHmac("sha256", SECRET).update(body).digest("hex");
  const headers = { "x-mist-signature-v2": signature };
  const answer = await fetch(`${WEBHOOK}/webhooks`, { method: "POST", headers, body });
  if (answer.status !== 200) throw new Error(`the webhook was answered ${answer.status}`);
}

const event = (type, name, mac, site, more = {}) => ({
  type, timestamp: Math.floor(Date.now() / 1000), device_name: name, mac, site_name: site,
  org_id: "978c48e6-6ef6-11e6-8bbf-02e208b2d34f", ...more,
});

const folder = mkdtempSync("/tmp/page-");
const browser = await chromium.launchPersistentContext(folder, {
  executablePath: "/usr/bin/chromium",
  headless: true,
  viewport: { width: 1280, height: 800 },
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const page = browser.pages()[0] ?? (await browser.newPage());
const said = [], strange = [];
page.on("console", (message) => ["error", "warning"].includes(message.type()) && said.push(message.text()));
page.on("pageerror", (error) => said.push(String(error)));
page.on("request", (request) => {
  if (![ADMIN, SITE_ADMIN].some((own) => request.url().startsWith(own)) && !request.url().startsWith("data:"))
    strange.push(request.url());
});
const shoot = (name) => page.screenshot({ path: `${DIR}/${name}.png` });
const logIn = async (host, token) => {
  await page.goto(host + "/login");
  await page.fill("#token", token);
  await page.press("#token", "Enter");
  await page.waitForURL(host + "/");
};

async function violations(name) {
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const result = await page.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), tags);
  const found = result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 2)}`);
  check(`axe: ${name}`, found.length === 0, found.join("\n"));
}

const site = (name) => `Branch-${name}`;
await post([
  event("SW_DISCONNECTED", "branch-7-sw1", "5c5b35000701", site(7), { device_type: "switch" }),
  event("AP_DISCONNECTED", "lobby-ap", "5c5b35000702", site(7), { device_type: "ap" }),
  event("AP_DISCONNECTED", "warehouse-ap-3", "5c5b35000903", site(9), { device_type: "ap" }),
  event("GW_DISCONNECTED", "hq-gateway", "5c5b35000101", "HQ", { device_type: "gateway" }),
  event("AP_CONFIGURED", "meeting-room-2", "5c5b35000102", "HQ", { device_type: "ap" }),
  event("AP_RESTARTED", "<b>bold</b> & \"quoted\"", "5c5b35000103", "HQ", { device_type: "ap" }),
]);
await page.waitForTimeout(2500);

await page.goto(ADMIN + "/");
check("who has not logged in is asked to", page.url() === ADMIN + "/login", page.url());
await violations("/login");
await shoot("login");
await logIn(ADMIN, readFileSync(`${DIR}/view-token`, "utf8").trim());
check("the view role has no forms", (await page.locator("main form[method=post]").count()) === 0);
const forced = await page.evaluate(async () => (await fetch("/ports/stop", { method: "POST" })).status);
check("the view role cannot act", forced === 403, forced);
said.length = 0;
await page.click("text=Log out");
await logIn(ADMIN, readFileSync(`${DIR}/token`, "utf8").trim());

for (const scheme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme: scheme });
  for (const path of PAGES) {
    const answer = await page.goto(ADMIN + path);
    check(`${path} loads (${scheme})`, answer.status() === 200, answer.status());
    await violations(`${path} ${scheme}`);
    await shoot(`${scheme}-${path === "/" ? "now" : path.split("/").pop()}`);
  }
}
await page.emulateMedia({ colorScheme: "light" });

await page.goto(ADMIN + "/");
let began = Date.now();
await post([event("AP_DISCONNECTED", "late-ap", "5c5b35000999", site(9), { device_type: "ap" })]);
await page.waitForSelector("text=late-ap", { timeout: 10000 }).catch(() => {});
check("news within 2 s", Date.now() - began <= 2000, `${Date.now() - began} ms`);

const row = () => page.locator("tr", { hasText: "warehouse-ap-3" });
await row().getByRole("button", { name: /^Acknowledge/ }).click();
await page.waitForSelector("text=acknowledged by 127.0.0.1 (page, act)");
await row().locator("select").selectOption("8h");
await row().getByRole("button", { name: /^Silence/ }).click();
await page.waitForSelector("h2:has-text('Silences')");
check("a silence is made", (await row().textContent()).includes("muted"));
await page.getByRole("button", { name: /^End/ }).click();
await page.waitForLoadState();
check("a silence is ended", (await page.locator("h2:has-text('Silences')").count()) === 0);

await page.goto(ADMIN + "/page/events");
await page.fill("#q", "lobby");
await page.press("#q", "Enter");
await page.waitForURL(/q=lobby/);
check("events are searched", (await page.locator("tbody tr").count()) === 1);

// The keyboard alone: everything that a mouse reaches gets the focus, in order.
await page.goto(ADMIN + "/");
const wanted = await page.locator("a, button, input:not([type=hidden]), select").count();
await page.keyboard.press("Tab");
check("the first stop is the skip link", (await page.evaluate(() => document.activeElement.className)) === "skip");
const seen = new Set();
for (let nth = 0; nth < wanted + 2; nth += 1) {
  seen.add(await page.evaluate(() => {
    const all = [...document.querySelectorAll("a, button, input:not([type=hidden]), select")];
    return all.indexOf(document.activeElement);
  }));
  await page.keyboard.press("Tab");
}
seen.delete(-1);
check("the keyboard reaches everything", seen.size === wanted, `${seen.size} of ${wanted}`);

// A form on a page of another host, in the same browser.
const evil = await browser.newPage();
await evil.route("http://evil.example/", (route) => route.fulfill({
  contentType: "text/html",
  body: `<form method=post action="${ADMIN}/ports/stop"><button>go</button></form>`,
}));
await evil.goto("http://evil.example/");
const [answer] = await Promise.all([
  evil.waitForResponse((one) => one.url().endsWith("/ports/stop")),
  evil.click("button"),
]);
check("a form of another host is refused", answer.status() === 403, answer.status());
await evil.close();

await page.setViewportSize({ width: 360, height: 740 });
for (const path of PAGES) {
  await page.goto(ADMIN + path);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  check(`${path} fits into 360 px`, width <= 360, `${width} px`);
  await shoot(`phone-${path === "/" ? "now" : path.split("/").pop()}`);
}
await violations("/ at 360 px");
await page.setViewportSize({ width: 1280, height: 800 });

if (SITE_ADMIN) {
  const world = (word) => execFileSync(ONE_SITE, [word, SITE_DIR], { encoding: "utf8" });
  world("plug");
  await logIn(SITE_ADMIN, readFileSync(`${SITE_DIR}/state/admin-token`, "utf8").trim());
  await page.goto(SITE_ADMIN + "/page/ports");
  await page.getByRole("button", { name: /^Undo/ }).click({ timeout: 60000 });
  began = Date.now();
  while (world("show").includes("native-vlan-id") && Date.now() - began < 60000)
    await page.waitForTimeout(500);
  check("undo works", !world("show").includes("native-vlan-id"), world("show"));
  await page.waitForTimeout(1500);
  await shoot("one-site");
}

check("no error in the console", said.length === 0, said.join("\n"));
check("no request to another host", strange.length === 0, strange.join("\n"));
await browser.close();
rmSync(folder, { recursive: true });
console.log(failures ? `${failures} failed` : "all as it should be");
process.exit(failures ? 1 : 0);
