// What the tests of the page share: a browser, a page signed in to `lar serve` (LAR_URL, with its key), and what is looked
// at in every view. LAR_CHROMIUM (default /usr/bin/chromium) names the browser.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axe_source = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const address = process.env.LAR_URL ?? '';
export const desk = { width: 1440, height: 900 };
export const phone = { width: 360, height: 740 };
export let browser;
export let origin = '';
/** What the console said, and requests to other origins: both have to stay empty. */
export const complaints = [];
export const foreign = [];

/** A page of its own, signed in with the key; `trouble: true` for tests that provoke failing requests. */
export async function open({ size = desk, scheme = 'light', locale = 'es-ES', hash = '#/ask', trouble = false, scale = 1 } = {}) {
  const context = await browser.newContext({ viewport: size, colorScheme: scheme, locale, deviceScaleFactor: scale });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    if (trouble && message.text().startsWith('Failed to load resource')) return;
    complaints.push(`${message.location().url}: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.protocol !== 'blob:' && url.origin !== origin) foreign.push(request.url());
  });
  await page.goto(address);
  await page.goto(`${origin}/${hash}`);
  await page.locator('nav a[aria-current=page]').waitFor();
  return { page, close: () => context.close() };
}

export const normal = (text) => text.replace(/\s+/g, ' ').trim();

/** Whether an element lies wholly inside the window and is what one sees there. */
export const in_view = (locator) =>
  locator.evaluate((element) => {
    const box = element.getClientRects()[0];
    const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return box.top >= 0 && box.bottom <= innerHeight && (element === at || element.contains(at));
  });

export const sideways = (page) =>
  page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - innerWidth;
    const content = document.querySelector('.content');
    return Math.max(wide, content ? content.scrollWidth - content.clientWidth : 0);
  });

export async function violations(page) {
  await page.evaluate(axe_source);
  const found = await page.evaluate(async () => {
    // Colours are measured as they end up, not half-way through fading in.
    await Promise.all(document.getAnimations().filter((each) => each.effect?.getTiming().iterations !== Infinity).map((each) => each.finished));
    const { violations: all } = await globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
    });
    return all.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map((node) => node.target.join(' ')) }));
  });
  return found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
}

export async function start_browser() {
  assert.ok(address, 'LAR_URL is not set: give the address, with its key, that `lar serve` prints');
  origin = new URL(address).origin;
  browser = await chromium.launch({
    executablePath: process.env.LAR_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--headless', '--disable-gpu', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--no-first-run',
    ],
  });
}

export async function end_browser() {
  await browser?.close();
}

