// Looks at the page at each beat of the demonstration day, and takes one of its decisions there: the sentence that moves an
// appointment is typed, seen as a plan and approved. tests/demo_day/demo.py runs it once a beat:
//
//   demo.py --pace 2400 --browser node tests/demo_day/walk.mjs
//
// LAR_PICTURES: a folder for the pictures of docs/images (day-*.png).
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { complaints, end_browser, foreign, normal, open, origin, sideways, start_browser, violations } from '../page/browser.mjs';

const beat = process.env.LAR_BEAT ?? '';
const pictures = process.env.LAR_PICTURES ?? '';
const wide = { width: 900, height: 620 };
const narrow = { width: 390, height: 740 };

const get = async (page, path) => (await page.request.get(`${origin}/api/v1${path}`)).json();

async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(pictures, `day-${name}.png`) });
}

async function day(more = {}) {
  const opened = await open({ hash: '#/today', size: wide, ...more });
  await opened.page.locator('.brief').waitFor();
  return opened;
}

/** Whatever the beat: the briefing is there with its evidence, and the page is sound. */
async function sound(page) {
  const { points } = await get(page, '/brief');
  assert.ok(points.length > 0, 'a briefing');
  assert.ok((await page.locator('[data-point]').count()) > 0, 'the briefing is on the page');
  assert.ok((await sideways(page)) <= 0, 'scrolls sideways');
  assert.deepEqual(await violations(page), []);
}

const beats = {
  async morning() {
    const { page, close } = await day();
    await sound(page);
    assert.match(normal(await page.locator('.brief').textContent()), /Reunión de equipo/, "the day's calendar");
    assert.equal(await page.locator('.told').count(), 0, 'nobody was interrupted');
    await picture(page, '1-morning');
    await close();
  },

  async told() {
    const { page, close } = await day();
    const card = page.locator('[data-card]:has(.told)').first();
    await card.waitFor();
    assert.equal(await card.getAttribute('data-kind'), 'urgent');
    await card.locator('.evidence button').first().click();
    await page.locator('.panel h2').waitFor();
    await page.keyboard.press('Escape');
    await card.getByRole('button', { name: 'Más, y por qué' }).click();
    assert.ok(normal(await card.locator('.because').textContent()).length > 10, 'it says why it interrupted');
    await card.scrollIntoViewIfNeeded();
    await picture(page, '2-told');
    await close();
  },

  async 'dentist-nora'() {
    const { page, close } = await open({ hash: '#/attention', size: wide });
    await page.locator('[data-standing] li', { hasText: 'citas@clinicasorni.example' }).waitFor();
    await page.locator('[data-standing]').scrollIntoViewIfNeeded();
    await picture(page, '3-rules');
    await close();
  },

  async plan() {
    const { page, close } = await day();
    await page.getByRole('textbox', { name: 'Qué quieres que haga lar' }).fill(process.env.LAR_SENTENCE ?? '');
    await page.getByRole('button', { name: 'Planear' }).click();
    const card = page.locator('[data-kind=plan]');
    await card.locator('.preview').waitFor();
    await card.scrollIntoViewIfNeeded();
    assert.match(normal(await card.locator('.preview').textContent()), /20 de mayo de 2026, 18:00/);
    await picture(page, '4-plan');
    const number = Number(await card.getAttribute('data-card'));
    await card.getByRole('button', { name: 'Aprobar las 2' }).click();
    for (let tries = 0; (await get(page, `/cards/${number}`)).state !== 'done'; tries++) {
      assert.ok(tries < 100, 'the plan is not carried out');
      await page.waitForTimeout(100);
    }
    await close();
  },

  async evening() {
    const { page, close } = await day({ scheme: 'dark', size: narrow });
    await sound(page);
    await picture(page, '5-evening');
    await page.locator('.lately summary').click();
    const lately = normal(await page.locator('.lately').textContent());
    assert.match(lately, /Cambiar la cita de hora · hecho/i);
    await page.locator('.lately').scrollIntoViewIfNeeded();
    await picture(page, '6-done');
    await close();
  },
};

await start_browser();
try {
  if (beats[beat]) await beats[beat]();
  else {
    const { page, close } = await day();
    await sound(page);
    await close();
  }
  assert.deepEqual(complaints, []);
  assert.deepEqual(foreign, []);
} finally {
  await end_browser();
}
