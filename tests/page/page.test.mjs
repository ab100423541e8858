// The page in a real browser: chromium, driven by playwright-core, against a running `lar serve`.
//
//   LAR_URL=http://127.0.0.1:7171/?key=… node --test tests/page/page.test.mjs
//
// LAR_URL is the address with its key. The server holds the sample household and real models, so the first claim may
// take minutes. Other settings: LAR_CHROMIUM (default /usr/bin/chromium), LAR_QUESTION, LAR_SEARCH, LAR_WAIT_S (how
// long an answer may take), LAR_SCREENSHOT_DIR (a folder to put ask.png in; none: no picture is kept).
// Where a test needs a failing or hostile server, it answers the request in the browser instead; all else is real.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  browser, complaints, end_browser, foreign, in_view, normal, open, origin, phone, desk, sideways, start_browser, violations,
} from './browser.mjs';

const question = process.env.LAR_QUESTION ?? '¿Cuándo vence el seguro del coche?';
const search_words = process.env.LAR_SEARCH ?? 'seguro';
const wait_ms = Number(process.env.LAR_WAIT_S ?? 240) * 1000;
const views = ['ask', 'search', 'sources', 'models', 'activity'];

async function answered(page, text) {
  await page.locator('textarea').fill(text);
  await page.keyboard.press('Enter');
  await page.locator('article.turn[aria-busy=false] details').last().waitFor({ timeout: wait_ms });
}

/** An answer stream of our making, for what no honest server sends. */
const stream = (...events) => ({
  status: 200,
  contentType: 'text/event-stream',
  body: events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join(''),
});

before(start_browser);
after(end_browser);

describe('the page', { concurrency: false }, () => {
  test('comes under a policy that allows no inline script and no other origin', async () => {
    const { page, close } = await open();
    const response = await page.request.get(`${origin}/`);
    const policy = response.headers()['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.match(policy, /style-src 'self'(;|$)/);
    assert.doesNotMatch(policy, /unsafe/);
    await close();
  });

  test('without the key the server gives nothing away', async () => {
    const context = await browser.newContext();
    const response = await context.request.get(`${origin}/api/v1/sources`);
    assert.equal(response.status(), 401);
    assert.ok((await response.json()).error.code);
    await context.close();
  });

  test('asks, streams claims with citations, and opens a citation at the quote', async () => {
    const { page, close } = await open();
    await page.locator('textarea').fill(question);
    await page.keyboard.press('Enter');
    await page.locator('h2.question', { hasText: question }).waitFor();
    await page.locator('.claim').first().waitFor({ timeout: wait_ms });
    const claim = normal(await page.locator('.claim').first().evaluate((element) => element.firstChild.textContent));
    assert.ok(claim.length > 5, `a claim: ${claim}`);
    assert.ok(
      (await page.locator('[role=log]').textContent()).length > 5,
      'a screen reader is told what arrived',
    );
    await page.locator('article.turn[aria-busy=false] details').waitFor({ timeout: wait_ms });
    assert.match(page.url(), /#\/ask\/.+/, 'the conversation has an address');

    const chip = page.locator('.chip').first();
    await chip.waitFor();
    const number = normal(await chip.textContent());
    const row = page.locator('.items button').filter({ has: page.locator('.number', { hasText: new RegExp(`^${number}$`) }) });
    const quote = normal(await row.locator('.quote').textContent());
    await chip.click();
    const mark = page.locator('.panel mark');
    await mark.first().waitFor();
    await page.waitForFunction(() => document.activeElement?.matches('.panel h2'));
    assert.equal(normal((await mark.allTextContents()).join(' ')), quote, 'what is marked is the quote');
    assert.ok(await in_view(mark.first()), 'the quote is in view');
    if (process.env.LAR_SCREENSHOT_DIR) {
      mkdirSync(process.env.LAR_SCREENSHOT_DIR, { recursive: true });
      await page.screenshot({ path: join(process.env.LAR_SCREENSHOT_DIR, 'ask.png') });
    }

    await page.keyboard.press('Escape');
    await page.locator('.panel').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.matches('.chip'), null, { timeout: 5000 });

    await page.locator('article.turn summary').click();
    assert.ok((await page.locator('article.turn details dl dd').count()) >= 6, 'figures');
    assert.ok((await page.locator('article.turn details ol li').count()) >= 1, 'passages read');

    await page.reload();
    await page.locator('.claim').first().waitFor();
    assert.equal(
      normal(await page.locator('.claim').first().evaluate((element) => element.firstChild.textContent)),
      claim,
      'the conversation is found again by its address',
    );
    const correction = page.locator('article.turn .correction');
    await correction.getByRole('button', { name: 'No es correcta' }).click();
    await correction.locator('input').fill('El 30 de febrero de 2031');
    await page.keyboard.press('Enter');
    await correction.getByText('El 30 de febrero de 2031').waitFor();
    await page.reload();
    await correction.getByText('El 30 de febrero de 2031').waitFor();
    await correction.getByRole('button', { name: 'Retirar' }).click();
    await correction.getByRole('button', { name: 'Correcta', exact: true }).click();
    await correction.getByText('Dijiste que era correcta.').waitFor();
    await correction.getByRole('button', { name: 'Retirar' }).click();
    await correction.getByRole('button', { name: 'Correcta', exact: true }).waitFor();

    await page.locator('article.turn summary').click();
    await page.locator('article.turn details ol button').first().click();
    await page.locator('.panel h2').waitFor();
    await close();
  });

  test('on a phone a citation covers the window, at the quote, and Back leads out', async () => {
    const { page, close } = await open({ size: phone, scheme: 'dark' });
    await answered(page, question);
    assert.ok((await sideways(page)) <= 0, 'no sideways scrolling in the answer');
    await page.locator('.chip').first().click();
    const mark = page.locator('.panel[role=dialog] mark').first();
    await mark.waitFor();
    await page.waitForFunction(() => document.activeElement?.matches('.panel h2'));
    const box = await page.locator('.panel').boundingBox();
    assert.deepEqual([box.x, box.width, box.height], [0, phone.width, phone.height]);
    assert.ok(await in_view(mark), 'the quote is in view');
    assert.ok((await sideways(page)) <= 0, 'no sideways scrolling in the item');
    await page.goBack();
    await page.locator('.panel').waitFor({ state: 'detached' });
    assert.ok(await page.locator('.claim').first().isVisible());
    await close();
  });

  test('search works by keyboard alone, from / to the open item and back', async () => {
    const { page, close } = await open({ hash: '#/search' });
    await page.locator('nav a[aria-current=page]').focus();
    await page.keyboard.press('/');
    await page.keyboard.type(search_words);
    await page.locator('a.hit').first().waitFor();
    assert.ok((await page.locator('.hits mark').count()) > 0, 'the words found stand out');
    await page.keyboard.press('ArrowDown');
    assert.ok(await page.locator('a.hit').first().evaluate((element) => element === document.activeElement));
    if ((await page.locator('a.hit').count()) > 1) {
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowUp');
    }
    await page.keyboard.press('Enter');
    await page.locator('.panel h2').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.panel').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.matches('a.hit'), null, { timeout: 5000 });
    await page.keyboard.press('ArrowUp');
    assert.ok(await page.locator('input[type=search]').evaluate((element) => element === document.activeElement));
    await page.reload();
    await page.locator('a.hit').first().waitFor();
    await close();
  });

  test('search filters by kind, and says so calmly when nothing is found', async () => {
    const { page, close } = await open({ hash: `#/search?q=${encodeURIComponent(search_words)}` });
    await page.locator('a.hit').first().waitFor();
    await page.getByRole('button', { name: 'Correo', exact: true }).click();
    await page.waitForFunction(() => location.hash.includes('kind=mail'));
    await page.locator('.hits:not(.stale) a.hit, .note').first().waitFor();
    for (const text of await page.locator('a.hit .from').allTextContents()) assert.match(text, /^\s*Correo/);
    await page.getByRole('button', { name: 'Todo', exact: true }).click();
    await page.locator('input[type=search]').fill('zzqxv wwkjq');
    await page.locator('.note', { hasText: 'zzqxv' }).waitFor();
    await close();
  });

  test('sources are listed, sync on demand, and refuse a wrong path in plain words', async () => {
    const { page, close } = await open({ hash: '#/sources', trouble: true });
    const first = page.locator('.source').first();
    await first.waitFor();
    assert.ok(normal(await first.locator('h2').textContent()).length > 0);
    const idle = page.locator('.source').filter({ has: page.locator('button:enabled', { hasText: 'Sincronizar' }) }).first();
    await idle.getByRole('button', { name: /Sincronizar/ }).click();
    await page.locator('.tally').first().waitFor({ timeout: wait_ms });

    await page.locator('.page-head .first').click();
    await page.locator('dialog .kind', { hasText: 'Maildir' }).click();
    await page.locator('dialog [data-path]').fill('/no/such/place/missing');
    await page.locator('dialog button.first').click();
    await page.locator('dialog [role=alert]').waitFor();
    assert.ok(normal(await page.locator('dialog [role=alert]').textContent()).length > 10);
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });

    const before_count = await page.locator('.source').count();
    await first.getByRole('button', { name: /^Quitar/ }).click();
    await page.locator('dialog').waitFor();
    await page.keyboard.press('Enter');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.locator('.source').count(), before_count, 'Enter on the question does not remove');
    await close();
  });

  test('removing a source asks first and says what is forgotten', async () => {
    const { page, close } = await open({ hash: '#/sources' });
    const removed = [];
    await page.route('**/api/v1/sources/*', (route) => {
      removed.push(`${route.request().method()} ${new URL(route.request().url()).pathname}`);
      return route.fulfill({ json: { removed_items: 3 } });
    });
    await page.locator('.source').first().getByRole('button', { name: /^Quitar/ }).click();
    await page.locator('dialog .button.bad').click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.equal(removed.length, 1);
    assert.match(removed[0], /^DELETE \/api\/v1\/sources\/.+/);
    await page.locator('[role=status]', { hasText: '3' }).first().waitFor({ state: 'attached' });
    await close();
  });

  test('an account whose password has changed is signed in to again where it says so', async () => {
    const { page, close } = await open({ hash: '#/sources', trouble: true });
    const { sources } = await (await page.request.get(`${origin}/api/v1/sources`)).json();
    const account = {
      ...sources[0], id: '01900000-0000-7000-8000-000000000001', kind: 'imap', name: 'Correo', location: 'clara@correo.example',
      error: { code: 'imap.password_wrong', params: {}, message: 'imap.correo.example no acepta esta contraseña.' },
    };
    const given = [];
    await page.route('**/api/v1/sources', (route) => {
      if (route.request().method() === 'GET') return route.fulfill({ json: { sources: [account, ...sources] } });
      given.push(route.request().postDataJSON());
      return route.fulfill({ status: 200, json: { ...account, error: null, renewed: true } });
    });
    // The stream of events would tell the sources as they are.
    await page.route('**/api/v1/events', (route) => route.abort());
    await page.route('**/api/v1/sync', (route) => route.fulfill(stream(['done', { sources: [] }])));
    await page.reload();
    await page.getByRole('button', { name: 'Iniciar sesión en Correo otra vez' }).click();
    assert.equal(await page.locator('dialog [data-path]').inputValue(), 'clara@correo.example');
    assert.equal(await page.locator('dialog .kind').count(), 0, 'what it is does not change');
    await page.locator('dialog input[type=password]').fill('nueva-17');
    await page.locator('dialog button.first').click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.deepEqual(given, [{ kind: 'imap', path: 'clara@correo.example', secret: 'nueva-17' }]);
    await page.locator('[role=status]', { hasText: 'Sesión de Correo renovada' }).first().waitFor({ state: 'attached' });
    await close();
  });

  test('a download shows how far it is, and why it failed', async () => {
    const { page, close } = await open({ hash: '#/models' });
    const listed = await (await page.request.get(`${origin}/api/v1/models`)).json();
    await page.route('**/api/v1/models', (route) =>
      route.fulfill({ json: { ...listed, models: listed.models.map((model) => ({ ...model, installed: false })) } }),
    );
    let answer;
    await page.route('**/api/v1/models/pull', async (route) => {
      await new Promise((resolve) => (answer = resolve));
      await route.fulfill(
        stream(
          ['progress', { done_bytes: 5e8, total_bytes: 1e9, bytes_per_second: 1e7, seconds_left: 50 }],
          ['error', { error: { code: 'model.hash', params: {}, message: 'El archivo no es el esperado.' } }],
        ),
      );
    });
    await page.reload();
    const model = page.locator('.model').first();
    await model.getByRole('button', { name: /Descargar/ }).click();
    await model.locator('progress').waitFor();
    answer();
    await model.locator('[role=alert]', { hasText: 'El archivo no es el esperado.' }).waitFor();
    await close();
  });

  test('models and activity show what there is', async () => {
    const { page, close } = await open({ hash: '#/models' });
    await page.locator('.roles li').first().waitFor();
    assert.ok((await page.locator('.roles select').count()) >= 1, 'a role is filled');
    assert.ok((await page.locator('.model').count()) >= 2, 'the catalogue');
    await page.goto(`${origin}/#/activity`);
    const entry = page.locator('.page li summary').first();
    await entry.focus();
    await page.keyboard.press('Enter');
    await page.locator('.page li details[open] dd').first().waitFor();
    await close();
  });

  test('theme and language switch, and stay', async () => {
    const { page, close } = await open({ locale: 'en-GB' });
    const html = page.locator('html');
    assert.equal(await html.getAttribute('lang'), 'en');
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.locator('nav .switch').nth(0).click();
    await page.locator('nav .switch').nth(0).click();
    assert.equal(await html.getAttribute('data-theme'), 'dark');
    assert.notEqual(await ground(), light);
    await page.locator('nav .switch').nth(1).click();
    assert.equal(await html.getAttribute('lang'), 'es');
    await page.reload();
    await page.getByRole('link', { name: 'Fuentes' }).waitFor();
    assert.equal(await html.getAttribute('lang'), 'es');
    assert.equal(await html.getAttribute('data-theme'), 'dark');
    await close();
  });

  for (const scheme of ['light', 'dark']) {
    test(`axe finds nothing serious, ${scheme}`, async () => {
      const { page, close } = await open({ scheme });
      for (const view of views) {
        await page.goto(`${origin}/#/${view}${view === 'search' ? `?q=${encodeURIComponent(search_words)}` : ''}`);
        await page.locator({ ask: '.welcome', search: 'a.hit', sources: '.source', models: '.model', activity: '.page li' }[view]).first().waitFor();
        assert.deepEqual(await violations(page), [], view);
      }
      await page.goto(`${origin}/#/sources`);
      await page.locator('.page-head .first').click();
      await page.locator('dialog').waitFor();
      assert.deepEqual(await violations(page), [], 'dialog');
      await close();

      const answer = await open({ scheme });
      await answered(answer.page, question);
      await answer.page.locator('article.turn summary').click();
      assert.deepEqual(await violations(answer.page), [], 'answer');
      await answer.page.locator('.chip').first().click();
      await answer.page.locator('.panel mark').first().waitFor();
      assert.deepEqual(await violations(answer.page), [], 'item');
      await answer.close();
    });
  }

  test('no view scrolls sideways at 360 pixels', async () => {
    const { page, close } = await open({ size: phone });
    for (const locale of ['es', 'en']) {
      await page.evaluate((language) => localStorage.setItem('lar.language', language), locale);
      await page.reload();
      for (const view of views) {
        await page.goto(`${origin}/#/${view}${view === 'search' ? `?q=${encodeURIComponent(search_words)}` : ''}`);
        await page.locator({ ask: '.welcome', search: 'a.hit', sources: '.source', models: '.model', activity: '.page li' }[view]).first().waitFor();
        assert.ok((await sideways(page)) <= 0, `${view}, ${locale}`);
      }
    }
    await close();
  });

  test('a hostile answer from the model stays text, loads nothing, and opens no link unasked', async () => {
    const { page, close } = await open();
    const text =
      '<img src="https://evil.example/x.png" onerror="window.hit=1"><script>window.hit=1</script>\n\n' +
      '![pixel](https://evil.example/p.png) [press](https://evil.example/a) [run](javascript:window.hit=1) **bold**';
    const answer = {
      question: 'x', answer: text, declined: false, basis: 'model', language: 'en', claims: [], citations: [], read: [], cut: [],
      timings: { retrieve_ms: 1, first_claim_ms: 1, total_ms: 1 }, tokens: { prompt: 1, cached: 0, completion: 1 },
      model: 'm', conversation: '',
    };
    await page.route('**/api/v1/ask', (route) => route.fulfill(stream(['text', { delta: text }], ['done', answer])));
    await page.locator('textarea').fill('x');
    await page.keyboard.press('Enter');
    await page.locator('.from-model strong', { hasText: 'bold' }).waitFor();
    assert.match(await page.locator('.from-model .label').textContent(), /no de tus datos/);
    assert.equal(await page.locator('.from-model img, .from-model script').count(), 0);
    const links = await page.locator('.from-model a').evaluateAll((all) => all.map((link) => link.href));
    assert.deepEqual(links, ['https://evil.example/p.png', 'https://evil.example/a'], 'no link runs a script');
    await page.locator('.from-model a').last().click();
    await page.locator('dialog', { hasText: 'https://evil.example/a' }).waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => window.hit), undefined);
    await close();
  });

  test('a hostile item stays text', async () => {
    const { page, close } = await open();
    const text = '<img src="https://evil.example/x.png" onerror="window.hit=1"><style>body{display:none}</style>';
    await page.route('**/api/v1/items/*', (route) =>
      route.fulfill({
        json: {
          item: 'evil', external_id: 'evil', kind: 'mail', title: '<b>hi</b>', people: [], when: null, end: null, place: null,
          origin: 'stranger', language: null, thread: null, source_names: [], changed_on_disk: false, has_original: false,
          parts: [{ id: '1', name: '', media_type: 'text/html', role: 'body', text, segments: [] }],
        },
      }),
    );
    await page.goto(`${origin}/#/ask?item=evil&part=1&begin=0&end=4`);
    await page.locator('.panel h2', { hasText: '<b>hi</b>' }).waitFor();
    assert.equal(normal(await page.locator('.panel section').textContent()), text);
    assert.equal(await page.locator('.panel mark').textContent(), '<img');
    assert.equal(await page.evaluate(() => window.hit), undefined);
    await close();
  });

  test('a quote deep in a long document, inside folded mail, is opened and scrolled to', async () => {
    for (const size of [desk, phone]) {
      const { page, close } = await open({ size });
      const lines = Array.from({ length: 600 }, (_, index) => `> Línea ${index}, de muchas que no son la citada.\n`);
      const text = lines.join('');
      const quote = 'Línea 431, de muchas';
      const begin = text.indexOf(quote);
      await page.route('**/api/v1/items/*', (route) =>
        route.fulfill({
          json: {
            item: 'long', external_id: 'long', kind: 'mail', title: 'Largo', people: [], when: '2026-05-14', end: null,
            place: null, origin: 'own', language: 'es', thread: null, source_names: [], changed_on_disk: true, has_original: false,
            parts: [{
              id: '1', name: '', media_type: 'text/plain', role: 'body', text,
              segments: [{ kind: 'quoted', begin: 0, end: text.length }],
            }],
          },
        }),
      );
      await page.goto(`${origin}/#/ask?item=long&part=1&begin=${begin}&end=${begin + quote.length}`);
      const mark = page.locator('.panel mark');
      await mark.waitFor();
      await page.waitForFunction(() => document.activeElement?.matches('.panel h2'));
      assert.equal(await mark.textContent(), quote);
      assert.ok(await in_view(mark), 'the quote is in view');
      assert.ok(await page.locator('.changed').count(), 'a file changed on disk says so');
      await close();
    }
  });

  test('an answer that breaks off keeps what came and offers to try again', async () => {
    const { page, close } = await open({ trouble: true });
    await page.route('**/api/v1/ask', (route) => route.fulfill(stream(['claim', { text: 'Half an answer.', citations: [] }])));
    await page.locator('textarea').fill('x');
    await page.keyboard.press('Enter');
    await page.locator('.failed').waitFor();
    assert.ok(await page.locator('.claim', { hasText: 'Half an answer.' }).isVisible());
    assert.ok(await page.locator('.failed button').isVisible());
    await close();
  });

  test('a server that is gone, and a key that is lost, are said in plain words', async () => {
    const { page, close } = await open({ trouble: true });
    await page.route('**/api/v1/**', (route) => route.abort());
    await page.reload();
    await page.locator('.down', { hasText: 'lar serve' }).waitFor();
    await page.unroute('**/api/v1/**');
    await page.route('**/api/v1/**', (route) =>
      route.fulfill({ status: 401, json: { error: { code: 'http.key', params: {}, message: 'x' } } }),
    );
    await page.reload();
    await page.locator('.note', { hasText: 'llave' }).waitFor();
    await close();
  });

  test('through all of this: no complaint in the console, no request to another origin', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  });
});
