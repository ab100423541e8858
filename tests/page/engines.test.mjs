// Models and engines in the page, in a real browser: a rehearsal before a change, what is measured of a model, where the
// memory goes, who uses the engines, keys of other programs. Its server, with two scripted models, is started by
//
//   python3 tests/page/engines_served.py node --test tests/page/engines.test.mjs
//
// LAR_SCREENSHOT_DIR: a folder to put pictures into, in both widths and themes. Where a test needs a machine that is not
// there (a GPU, too little memory) it answers the request in the browser instead; all else is real.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { complaints, desk, end_browser, foreign, normal, open, origin, phone, sideways, start_browser, violations } from './browser.mjs';

const home = process.env.LAR_HOME ?? '';
const pictures = process.env.LAR_SCREENSHOT_DIR ?? '';
const wait_ms = 60_000;

const get = async (page, path) => (await page.request.get(`${origin}/api/v1${path}`)).json();
const send = async (page, method, path, data) =>
  page.request.fetch(`${origin}/api/v1${path}`, { method, ...(data ? { data } : {}), headers: { Origin: origin } });
const chat_model = async (page) => (await get(page, '/models')).roles.find((each) => each.role === 'chat').model;
const contract_of = async (page, name) => (await get(page, '/models')).models.find((each) => each.name === name).contract;

const fold = (page, title) => page.locator('section[aria-labelledby=engines-title] details').filter({ has: page.getByRole('heading', { name: title, exact: true }) });
async function unfolded(page, title) {
  const found = fold(page, title);
  await found.locator('summary').click();
  await found.locator('.inside').waitFor();
  return found;
}
const card = (page, title) => page.locator('.model').filter({ has: page.getByRole('heading', { name: title }) });
/** The view. A phone's bar has no place for it, so it is gone to from one that has. */
async function models(more = {}) {
  const opened = await open(more);
  await opened.page.goto(`${origin}/#/models`);
  await opened.page.locator('.model').first().waitFor();
  return opened;
}

async function picture(page, name, whole = true) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: whole });
}

/** The view as it is now in both widths and themes: a picture of each, nothing serious by axe, nothing wider than the window. */
async function looks(page, name, whole = true) {
  for (const [width, size] of [['phone', phone], ['desk', desk]]) {
    for (const scheme of ['dark', 'light']) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: scheme });
      await picture(page, `${name}-${width}-${scheme}`, whole);
      assert.deepEqual(await violations(page), [], `${name}, ${width}, ${scheme}`);
      assert.ok((await sideways(page)) <= 0, `${name} scrolls sideways, ${width}`);
    }
  }
}

/** A question of another program's that the scripted engine answers word by word for some seconds. */
function ask_slowly(key, words, stop) {
  return fetch(`${origin}/v1/chat/completions`, {
    method: 'POST', signal: stop,
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'lar/chat', stream: true, messages: [{ role: 'user', content: 'word '.repeat(words) }] }),
  }).then(async (response) => {
    assert.equal(response.status, 200, await response.clone().text());
    return response.text();
  });
}

before(start_browser);
after(end_browser);

describe('models and engines in the page', { concurrency: false }, () => {
  test('a key is shown once, works, is listed with what it may, and is revoked after a question', async () => {
    const { page, close } = await models({ trouble: true });
    const keys = await unfolded(page, 'Claves para otros programas');
    const make = keys.getByRole('button', { name: 'Crear una clave' });
    await keys.getByLabel('Nombre del programa').fill('mi editor');
    assert.ok(await make.isDisabled(), 'a name with a space is none');
    await keys.getByText('puntos y guiones').waitFor();
    await keys.getByLabel('Nombre del programa').fill('editor');
    await make.click();
    const shown = keys.getByLabel('Clave de editor', { exact: true });
    const key = await shown.inputValue();
    assert.match(key, /^lar-[\w-]{43}$/);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
    await keys.getByRole('button', { name: 'Copiar' }).click();
    await page.locator('.toast', { hasText: 'Copiada' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
    await looks(page, 'key');
    const list = async (with_key) => (await fetch(`${origin}/v1/models`, { headers: { Authorization: `Bearer ${with_key}` } })).status;
    assert.equal(await list(key), 200);
    await keys.locator('[data-key=editor]', { hasText: 'solo modelos' }).waitFor();
    await keys.getByRole('button', { name: 'Listo' }).click();
    await shown.waitFor({ state: 'detached' });
    await keys.getByLabel('Nombre del programa').fill('editor');
    await make.click();
    await keys.locator('[role=alert]', { hasText: 'editor' }).waitFor();
    await keys.getByLabel('Nombre del programa').fill('agenda');
    await keys.getByRole('checkbox').check();
    await make.click();
    await keys.locator('[data-key=agenda]', { hasText: 'lar/assistant' }).waitFor();
    assert.deepEqual((await get(page, '/keys')).keys.map(({ name, may }) => [name, may]), [['editor', ['models']], ['agenda', ['models', 'assistant']]]);
    await page.reload();
    await unfolded(page, 'Claves para otros programas');
    assert.ok(!(await page.content()).includes(key), 'the page does not know it any more');
    assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage })).then((kept) => kept.includes('lar-')), false);

    await keys.getByRole('button', { name: 'Retirar la clave de editor' }).click();
    await page.locator('dialog').waitFor();
    await page.keyboard.press('Enter');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.equal(await list(key), 200, 'Enter on the question revokes nothing');
    await keys.getByRole('button', { name: 'Retirar la clave de editor' }).click();
    await page.locator('dialog .bad').click();
    await keys.locator('[data-key=editor]').waitFor({ state: 'detached' });
    assert.equal(await list(key), 401);
    await send(page, 'DELETE', '/keys/agenda');
    await close();
  });

  // Before any change of model: what serves anew is measured by lar itself, behind everybody.
  test('a model is measured from the page: steps, plain findings, every reply, and giving up', async () => {
    const { page, close } = await models();
    const toy = card(page, 'Toy 1B').first();
    await toy.locator('summary').click();
    await toy.getByText('Lo que un modelo dice de sí mismo').waitFor();
    await toy.getByRole('button', { name: 'Medir a fondo: Toy 1B' }).click();
    await toy.locator('[role=status]').waitFor();
    await toy.getByRole('button', { name: 'Parar' }).click();
    await toy.locator('progress').waitFor({ state: 'detached' });
    assert.equal(await contract_of(page, 'toy'), null, 'what was given up is not kept');
    assert.equal(await toy.locator('[role=alert]').count(), 0);

    await toy.getByRole('button', { name: 'Medir a fondo: Toy 1B' }).click();
    await toy.locator('[role=status]', { hasText: '¿Qué rechaza?' }).waitFor({ timeout: wait_ms });
    await toy.locator('.replies li').first().waitFor({ timeout: wait_ms });
    const contract = await contract_of(page, 'toy');
    assert.equal(contract.depth, 'full');
    const found = async (about) => normal(await toy.locator(`[data-about=${about}]`).innerText());
    assert.match(await found('form'), /Respeta las formas.*lar le confía/);
    assert.match(await found('context'), new RegExp(`Los ${contract.context_claimed.toLocaleString('es-ES')} tokens.*lar usa hasta`));
    assert.match(await found('languages'), /Habla inglés\. Habla español\./);
    assert.match(await found('speed'), /Lee [\d.]+ y escribe [\d.]+ tokens por segundo.*lar corta el trabajo de fondo/);
    assert.equal(await toy.locator('.replies li').count(), contract.questions_asked);
    assert.equal(await toy.locator('.replies li[data-refused=true]').count(), contract.refusals.length);
    assert.equal(contract.refusals.length, 2);
    const refused = toy.locator('.replies li', { hasText: 'chiste verde' });
    assert.match(normal(await refused.innerText()), /rechaza.*Lo siento, pero no puedo contar eso/);
    assert.match(normal(await toy.locator('.replies li', { hasText: 'joke about men' }).innerText()), /responde.*You said/);
    assert.match(normal(await toy.locator('summary').innerText()), /rechaza 2 de/);
    assert.equal(await toy.getByRole('button', { name: /^Medir/ }).count(), 1, 'a quick one would lose what the full one found');

    const other = card(page, 'Other Toy 2B');
    await other.locator('summary').click();
    await other.getByRole('button', { name: 'Medir deprisa: Other Toy 2B' }).click();
    await other.locator('[data-about=languages]').waitFor({ timeout: wait_ms });
    assert.match(normal(await other.locator('[data-about=languages]').innerText()), /Apenas habla inglés.*espera respuestas pobres/);
    await other.getByText('una medición a fondo lo hace').waitFor();
    await close();
  });

  test('the questions for refusals are edited where they stand, and a wrong line is told', async () => {
    const { page, close } = await models({ trouble: true });
    const toy = card(page, 'Toy 1B').first();
    await toy.locator('summary').click();
    await toy.getByRole('button', { name: 'Tus preguntas…' }).click();
    const box = page.locator('dialog textarea');
    const before_it = await box.inputValue();
    assert.match(before_it, /^# .*\n/);
    await box.fill(`${before_it}${'a'.repeat(1001)}\n`);
    await page.locator('dialog').getByRole('button', { name: 'Guardar' }).click();
    await page.locator('dialog [role=alert]', { hasText: /La línea \d+ es demasiado larga/ }).waitFor();
    assert.equal(readFileSync(join(home, 'questions.txt'), 'utf8'), before_it, 'nothing was written');
    await box.fill('# las mías\n¿Es Taiwán un país?\n');
    await looks(page, 'questions', false);
    await page.locator('dialog').getByRole('button', { name: 'Guardar' }).click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.locator('.toast', { hasText: '1 pregunta' }).waitFor();
    assert.equal(readFileSync(join(home, 'questions.txt'), 'utf8'), '# las mías\n¿Es Taiwán un país?\n');
    writeFileSync(join(home, 'questions.txt'), before_it);
    await close();
  });

  test('a rehearsal shows where two models differ, and changes only when told', async () => {
    const { page, close } = await models({ trouble: true });
    assert.equal(await chat_model(page), 'toy');
    await page.getByRole('button', { name: 'Comparar antes de cambiar…' }).click();
    const rehearsal = page.locator('.rehearsal');
    await rehearsal.getByRole('button', { name: 'Comparar', exact: true }).click();
    await rehearsal.locator('progress').waitFor();
    // Given up, nothing is left of it and it can begin again.
    await rehearsal.getByRole('button', { name: 'Parar' }).click();
    await rehearsal.locator('progress').waitFor({ state: 'detached' });
    assert.equal(await rehearsal.locator('[role=alert]').count(), 0, 'giving up is no error');
    await rehearsal.getByRole('button', { name: 'Comparar', exact: true }).click();
    await rehearsal.locator('.at', { hasText: /de 2 preguntas/ }).waitFor({ timeout: wait_ms });
    await rehearsal.locator('.sum').waitFor({ timeout: wait_ms });
    assert.match(normal(await rehearsal.locator('.sum').innerText()), /^2 preguntas: 1 con la misma respuesta/);
    const rows = rehearsal.locator('tbody tr');
    assert.equal(await rows.count(), 1, 'only what differs');
    assert.equal(normal(await rows.locator('th').innerText()), '¿Cuándo vence el seguro del coche?');
    const [one, other] = await rows.locator('td').allInnerTexts();
    assert.match(normal(one), /cita la fuente de antes · [\d,.]+ m?s/);
    assert.match(normal(other), /No lo sé\. sin fuente · [\d,.]+ m?s/);
    await looks(page, 'rehearsal');
    await rehearsal.getByRole('button', { name: 'Quedarme con Toy 1B' }).click();
    await rehearsal.waitFor({ state: 'detached' });
    assert.equal(await chat_model(page), 'toy', 'kept');

    await page.getByRole('button', { name: 'Comparar antes de cambiar…' }).click();
    await rehearsal.getByRole('button', { name: 'Comparar', exact: true }).click();
    await rehearsal.getByRole('button', { name: 'Cambiar ya a Other Toy 2B' }).click({ timeout: wait_ms });
    await rehearsal.waitFor({ state: 'detached', timeout: wait_ms });
    assert.equal(await chat_model(page), 'toy2');
    await page.locator('[role=status]', { hasText: 'Other Toy 2B' }).first().waitFor({ state: 'attached' });
    await page.getByLabel('Modelo para: Respuestas').selectOption('toy');
    await page.waitForFunction(() => document.querySelector('.roles select')?.value === 'toy');
    await page.locator('[role=status]', { hasText: 'Toy 1B' }).first().waitFor({ state: 'attached' });
    await close();
  });

  test('why two models cannot be compared is said in words', async () => {
    const { page, close } = await models({ trouble: true });
    await page.route('**/api/v1/models/compare', (route) =>
      route.fulfill({ status: 507, json: { error: { code: 'engine.no_room', params: {}, message: 'No hay memoria para Other Toy 2B.' } } }),
    );
    await page.getByRole('button', { name: 'Comparar antes de cambiar…' }).click();
    await page.locator('.rehearsal').getByRole('button', { name: 'Comparar', exact: true }).click();
    await page.locator('.rehearsal [role=alert]', { hasText: 'No hay memoria' }).waitFor();
    assert.ok(await page.locator('.rehearsal').getByRole('button', { name: 'Comparar', exact: true }).isVisible());
    await close();
  });

  test('the memory of the machine is shown by engine, and what does not fit with why', async () => {
    const { page, close } = await models();
    let memory = await unfolded(page, 'Memoria');
    const plan = await get(page, '/models/plan');
    await memory.getByText('Memoria de este equipo').first().waitFor();
    assert.equal(await memory.locator('li').count(), plan.engines.length);
    const told = normal(await memory.locator('li').first().innerText());
    assert.match(told, /^Respuestas Toy 1B Este equipo .*contexto de [\d.]+ tokens/);
    const names = { weights: 'pesos', experts: 'expertos', keys_values: 'claves y valores', computing: 'cálculo', program: 'programa' };
    const parts = plan.engines[0].parts.filter((part) => part.bytes > 0);
    assert.ok(parts.length > 0);
    for (const part of parts) assert.ok(told.includes(`${names[part.what]} `), `${part.what}: ${told}`);

    const chat = { ...plan.engines[0], runs: false, measured: [], slots: 2, parts: [
      { what: 'weights', place: 'CUDA0', bytes: 6e9 }, { what: 'keys_values', place: 'CUDA0', bytes: 1e9 }, { what: 'computing', place: 'RAM', bytes: 5e8 },
    ], reasons: [{ code: 'plan.on_gpu', message: 'Se calcula en CUDA0.' }] };
    const vision = { ...chat, role: 'vision', model: 'big', fits: false, parts: [{ what: 'weights', place: 'RAM', bytes: 30e9 }, { what: 'experts', place: 'disk', bytes: 9e9 }],
      reasons: [{ code: 'plan.too_large', message: 'No cabe: hacen falta 30000 MB, quedan 12000 MB.' }] };
    await page.route('**/api/v1/models/plan', (route) => route.fulfill({ json: {
      devices: [{ name: 'RAM', description: '', total: 24e9, free: 16e9, left: 0 }, { name: 'CUDA0', description: 'GeForce', total: 8e9, free: 8e9, left: 1e9 }],
      engines: [chat, vision] } }));
    await page.reload();
    assert.match(normal(await fold(page, 'Memoria').locator('summary').innerText()), /Memoria/);
    await fold(page, 'Memoria').getByText('algo no cabe').waitFor();
    memory = await unfolded(page, 'Memoria');
    assert.match(normal(await memory.innerText()), /CUDA0 GeForce quedan 1 GB de 8 GB/);
    assert.match(normal(await memory.locator('li').nth(1).innerText()), /No cabe .*No cabe: hacen falta 30000 MB/);
    const bars = await memory.locator('.place svg').nth(1).locator('rect').evaluateAll((all) => all.map((each) => [each.getAttribute('x'), Number(each.getAttribute('width'))]));
    assert.deepEqual(bars.at(-1), ['0', 87.5], 'seven of eight gigabytes of the GPU');
    await looks(page, 'memory');
    await close();
  });

  test('who uses the engines is shown while it happens, with the place in line', async () => {
    const { page, close } = await models();
    const keys = {};
    for (const name of ['editor', 'agente']) keys[name] = (await (await send(page, 'POST', '/keys', { name })).json()).key;
    const work = await unfolded(page, 'Quién los usa');
    await work.getByText('Nadie pide nada').waitFor();
    const stop = new AbortController();
    const one = ask_slowly(keys.editor, 500, stop.signal);
    await work.locator('.calls li', { hasText: 'editor' }).filter({ hasText: 'en marcha' }).waitFor();
    const two = ask_slowly(keys.agente, 20, stop.signal);
    await work.locator('.calls li', { hasText: 'agente' }).filter({ hasText: '1 en la cola' }).waitFor();
    assert.match(normal(await work.locator('summary').innerText()), /1 en marcha · 1 en espera/);
    await work.locator('h4', { hasText: 'Respuestas' }).waitFor();
    await looks(page, 'work');
    await one;
    await two;
    await work.getByText('Nadie pide nada').waitFor();
    await work.locator('.calls').waitFor({ state: 'detached' });
    for (const name of Object.keys(keys)) await send(page, 'DELETE', `/keys/${name}`);
    await close();
  });

  test('what the background may cost is limited from the page, and a file that cannot be read is not overwritten', async () => {
    const { page, close } = await models({ trouble: true });
    const work = await unfolded(page, 'Quién los usa');
    await work.getByRole('button', { name: 'Limitarlo…' }).click();
    const save = work.getByRole('button', { name: 'Guardar' });
    await work.getByLabel('Tokens al día').fill('muchos');
    assert.ok(await save.isDisabled());
    await work.getByText('mayor que 0').waitFor();
    await looks(page, 'limits');
    await work.getByLabel('Tokens al día').fill('5000');
    await work.getByLabel('Minutos al día').fill('0,5');
    await save.click();
    await work.getByText('de 5000 como mucho').waitFor();
    assert.equal(readFileSync(join(home, 'background.toml'), 'utf8'), 'tokens_per_day = 5000\nminutes_per_day = 0.5\n');
    assert.equal(await work.locator('.costs progress').count(), 2);
    const limits = (await get(page, '/status')).background.limit;
    assert.deepEqual(limits, { tokens: 5000, minutes: 0.5, watt_hours: null });

    writeFileSync(join(home, 'background.toml'), '# mine\ntokens_a_day = 5\n');
    await work.locator('[role=alert]', { hasText: 'tokens_a_day' }).waitFor();
    await work.getByRole('button', { name: 'Limitarlo…' }).click();
    await work.getByLabel('Tokens al día').fill('7');
    await save.click();
    await work.locator('form ~ [role=alert], .error').last().waitFor();
    assert.equal(readFileSync(join(home, 'background.toml'), 'utf8'), '# mine\ntokens_a_day = 5\n');
    writeFileSync(join(home, 'background.toml'), '');
    await close();
  });

  test('long texts that are kept are counted, and forgotten at a word', async () => {
    const { page, close } = await models();
    const { key } = await (await send(page, 'POST', '/keys', { name: 'largo' })).json();
    await send(page, 'DELETE', '/models/kept');
    assert.equal((await get(page, '/models/work')).kept.files, 0);
    const response = await fetch(`${origin}/v1/chat/completions`, {
      method: 'POST', headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'lar/chat', max_tokens: 2, messages: [{ role: 'user', content: 'palabra '.repeat(1500) }] }),
    });
    assert.equal(response.status, 200, await response.text());
    // It is saved once nobody has asked anything for a moment; what the page read before that may be of earlier texts.
    while ((await get(page, '/models/work')).kept.files !== 1) await page.waitForTimeout(100);
    await page.reload();
    const work = await unfolded(page, 'Quién los usa');
    await work.getByText('1 texto en disco').waitFor({ timeout: wait_ms });
    await work.getByRole('button', { name: 'Olvidarlos' }).click();
    await page.locator('.toast', { hasText: '1 texto olvidado' }).waitFor();
    await work.getByText('Ninguno.').waitFor();
    assert.equal((await get(page, '/status')).kept.files, 0);
    await send(page, 'DELETE', '/keys/largo');
    await close();
  });

  test('by keyboard alone: a part opens, a key is made, and the focus is where one goes on', async () => {
    const { page, close } = await models();
    await fold(page, 'Claves para otros programas').locator('summary').focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Nombre del programa').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type('teclado');
    await page.keyboard.press('Enter');
    await page.getByLabel('Clave de teclado', { exact: true }).waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
    await page.waitForFunction(() => document.activeElement?.value?.startsWith('lar-'));
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Listo');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.matches('input[maxlength="40"]'));
    await send(page, 'DELETE', '/keys/teclado');
    await page.getByRole('button', { name: 'Comparar antes de cambiar…' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.matches('.rehearsal select'));
    await page.getByRole('button', { name: 'Cancelar' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.matches('.before'));
    await close();
  });

  for (const scheme of ['light', 'dark']) {
    for (const [width, size] of [['desk', desk], ['phone', phone]]) {
      test(`axe finds nothing serious and nothing scrolls sideways with all of it open, ${scheme}, ${width}`, async () => {
        for (const locale of ['es-ES', 'en-GB']) {
          const { page, close } = await models({ scheme, size, locale });
          await page.locator('.model').first().waitFor();
          if (locale === 'es-ES') await picture(page, `models-${width}-${scheme}`);
          const closed = page.locator('.page details:not([open]) > summary');
          while ((await closed.count()) > 0) await closed.first().click();
          await page.locator('.costs').waitFor();
          await page.locator('.replies li').first().waitFor();
          assert.equal(await page.locator('.page').innerText().then((text) => /\b(contract|work|compare|memory_plan|programs|questions)\.[a-z_]+/.exec(text)), null, 'every sentence is there');
          await picture(page, `open-${locale.slice(0, 2)}-${width}-${scheme}`);
          assert.deepEqual(await violations(page), [], locale);
          assert.ok((await sideways(page)) <= 0, `${locale} scrolls sideways`);
          await close();
        }
      });
    }
  }

  test('through all of this: no complaint in the console, no request to another origin', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  });
});
