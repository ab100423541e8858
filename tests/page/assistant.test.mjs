// The assistant's side of the page in a real browser: the day, its decisions, sources, attention, memory. Its server is
// started by tests/page/served.py, which also lays out what is added here:
//
//   python3 tests/page/served.py node --test tests/page/assistant.test.mjs
//
// LAR_SCREENSHOT_DIR: a folder to put pictures of every view into, in both widths and themes.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  complaints, desk, end_browser, foreign, in_view, normal, open, origin, phone, sideways, start_browser, violations,
} from './browser.mjs';

const fixtures = process.env.LAR_FIXTURES ?? '';
const service = process.env.LAR_SERVICE ?? '';
const service_key = process.env.LAR_SERVICE_KEY ?? '';
const pictures = process.env.LAR_SCREENSHOT_DIR ?? '';
const ready = {
  today: '.brief, .note', sources: '.source', attention: '.limits', memory: '.list, .note', models: '.model', more: '.page li',
};

const get = async (page, path) => (await page.request.get(`${origin}/api/v1${path}`)).json();

/** The view of the day, once every mail has been looked at. */
async function today(more = {}) {
  const opened = await open({ hash: '#/today', ...more });
  await opened.page.locator('.brief').waitFor();
  for (;;) {
    const { counts } = await get(opened.page, '/status');
    if (counts.mails_to_judge === 0) break;
    await opened.page.waitForTimeout(300);
  }
  await opened.page.reload();
  await opened.page.locator('.brief').waitFor();
  return opened;
}

/** The card of that kind with these words, unfolded. */
async function card_of(page, kind, words) {
  const { cards } = await get(page, '/cards');
  const found = cards.find((card) => (!kind || card.kind === kind) && card.text.includes(words));
  assert.ok(found, `a card ${kind} with “${words}”`);
  return unfold(page, found.number);
}

async function unfold(page, number) {
  const card = page.locator(`[data-card="${number}"]`);
  await page.locator(`[data-card="${number}"], [data-row="${number}"]`).first().waitFor();
  if ((await card.count()) === 0) await page.locator(`[data-row="${number}"]`).click();
  await card.waitFor();
  return card;
}

const gone = (page, number) => page.locator(`[data-card="${number}"], [data-row="${number}"]`).waitFor({ state: 'detached' });
const toast = (page) => page.locator('.toast');

before(start_browser);
after(end_browser);

describe('the assistant in the page', { concurrency: false }, () => {
  test('an empty address is the day: a briefing whose points open what they stand on', async () => {
    const { page, close } = await today({ hash: '' });
    assert.equal(await page.locator('nav a[aria-current=page]').first().textContent().then(normal), 'Hoy');
    const points = page.locator('[data-point]');
    assert.ok((await points.count()) >= 3, 'a briefing');
    const brief = await get(page, '/brief');
    if (await page.locator('.all-points').count()) await page.locator('.all-points').click();
    assert.equal(await points.count(), brief.points.length, 'every point of the briefing');
    const at = brief.points.findIndex((point) => point.items.length === 1);
    await points.nth(at).locator('button.text').click();
    await page.locator('.panel h2', { hasText: brief.points[at].items[0].title }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.panel').waitFor({ state: 'detached' });
    const several = brief.points.findIndex((point) => point.items.length > 1);
    await points.nth(several).locator('button.text').click();
    await points.nth(several).locator('.evidence button').last().click();
    await page.locator('.panel h2').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.panel').waitFor({ state: 'detached' });
    await close();
  });

  test('a card opens its mail at the quoted words', async () => {
    const { page, close } = await today();
    const link = page.locator('[data-card] .evidence button:has(.quote)').first();
    const quote = normal(await link.locator('.quote').textContent());
    await link.click();
    const mark = page.locator('.panel mark').first();
    await mark.waitFor();
    await page.waitForFunction(() => document.activeElement?.matches('.panel h2'));
    assert.equal(normal((await page.locator('.panel mark').allTextContents()).join('')), quote, 'what is marked is the quote');
    assert.ok(await in_view(mark), 'and in view');
    await close();
  });

  test('what lar judged of a mail gives way to the owner, at once, and comes back when that is taken back', async () => {
    const { page, close } = await today();
    const found = await Promise.all(
      ['newsletter', 'descuento', 'suscripción', 'unsubscribe'].map((words) =>
        get(page, `/search?q=${encodeURIComponent(words)}&kind=mail&limit=20`)),
    );
    const verdicts = await Promise.all(found.flatMap(({ hits }) => hits).map((hit) => get(page, `/items/${hit.item}/verdict`)));
    const bulk = verdicts.find((verdict) => verdict.priority === 'bulk' && verdict.suspicious === 'none');
    assert.ok(bulk, 'a newsletter');
    await page.goto(`${origin}/#/today?item=${bulk.item}`);
    const box = page.locator('.panel details.verdict');
    await box.locator('summary').click();
    assert.match(normal(await box.locator('summary').textContent()), /publicidad o boletín/);
    await box.locator('select').first().selectOption('fyi');
    await box.getByText('Tú lo dijiste.').waitFor();
    assert.match(normal(await box.locator('summary').textContent()), /para saber/);
    assert.equal((await get(page, `/items/${bulk.item}/verdict`)).said.priority, 'fyi');
    await box.getByRole('button', { name: 'Retirar lo que dije' }).click();
    await box.getByRole('button', { name: 'Retirar lo que dije' }).waitFor({ state: 'detached' });
    assert.match(normal(await box.locator('summary').textContent()), /publicidad o boletín/);
    await close();
  });

  test('an appointment goes into the calendar as the preview says, and comes out again by the toast', async () => {
    const { page, close } = await today();
    const card = await card_of(page, 'event', 'Confirmación de su cita');
    const number = await card.getAttribute('data-card');
    await card.locator('.preview').waitFor();
    assert.match(normal(await card.locator('.preview').textContent()), /calendario .*21 de mayo de 2026, 10:30/);
    await card.getByRole('button', { name: 'Añadir al calendario' }).click();
    await toast(page).getByText('Hecho: Añadir al calendario').waitFor();
    await page.locator(`[data-card="${number}"]`).waitFor({ state: 'detached' });
    assert.equal((await get(page, `/cards/${number}`)).state, 'done');

    await toast(page).getByRole('button', { name: 'Deshacer' }).click();
    await page.locator(`[data-card="${number}"]`).waitFor();
    const after_undo = await get(page, `/cards/${number}`);
    assert.deepEqual(after_undo.actions.map((action) => action.state), ['undone', 'proposed']);
    await close();
  });

  test('an event is changed before it is approved, and undone from what was done lately', async () => {
    const { page, close } = await today();
    const card = await card_of(page, 'event', 'Confirmación de su cita');
    const number = await card.getAttribute('data-card');
    await card.getByRole('button', { name: 'Cambiar' }).click();
    await card.getByLabel('Título').fill('Dentista');
    await card.getByLabel('Empieza').fill('2026-05-21T12:15');
    await card.getByLabel(/Lugar/).fill('Mayor 12, 2.º');
    await card.getByRole('button', { name: 'Guardar' }).click();
    await card.locator('.preview', { hasText: 'Dentista' }).waitFor();
    assert.match(normal(await card.locator('.preview').textContent()), /12:15.*Mayor 12, 2\.º/);
    await card.getByRole('button', { name: 'Añadir al calendario' }).click();
    await page.locator(`[data-card="${number}"]`).waitFor({ state: 'detached' });
    await page.waitForTimeout(1500);
    const [done] = (await get(page, '/actions')).actions.filter((action) => action.state === 'done');
    assert.equal(done.content.title, 'Dentista');
    await page.locator('.lately summary').click();
    await page.locator('.lately li', { hasText: 'Añadir al calendario' }).getByRole('button', { name: 'Deshacer' }).click();
    await page.locator(`[data-card="${number}"]`).waitFor();
    await close();
  });

  test('a draft is written on and kept, exactly as shown', async () => {
    const { page, close } = await today();
    const card = await card_of(page, 'answer', 'El contrato');
    const number = await card.getAttribute('data-card');
    const choice = card.locator('.which .choice', { hasText: 'borrador' });
    if (await choice.count()) await choice.click();
    await card.getByRole('button', { name: 'Cambiar' }).click();
    const text = 'Hola, Gadea:\n\nTe lo mando esta tarde.\n\nUn beso,\nClara\n';
    await card.getByLabel('Texto', { exact: true }).fill(text);
    await card.getByLabel(/Asunto/).fill('Re: El contrato, firmado');
    await card.getByRole('button', { name: 'Preparar un borrador' }).click();
    await toast(page).getByText('Preparar un borrador').waitFor();
    const draft = (await get(page, `/cards/${number}`)).actions.find((action) => action.kind === 'save_draft' && action.state === 'done');
    assert.equal(draft.content.text, text);
    assert.equal(draft.content.subject, 'Re: El contrato, firmado');
    await page.locator(`[data-card="${number}"] .decided`).getByRole('button', { name: 'Deshacer' }).click();
    await page.locator(`[data-card="${number}"] .decided`).waitFor({ state: 'detached' });
    await close();
  });

  test('what was taken back has taught nothing', async () => {
    const { page, close } = await open();
    const { learnt } = await get(page, '/attention');
    assert.deepEqual(learnt.filter(({ useful, useless }) => useful + useless > 0), []);
    await close();
  });

  test('one tap: done, no and later, each with a way back', async () => {
    const { page, close } = await today();
    const number = (await get(page, '/cards')).cards.at(-1).number;
    const card = await unfold(page, number);
    for (const [name, state] of [['Hecho', 'done'], ['No', 'dismissed']]) {
      await card.getByRole('button', { name, exact: true }).click();
      await gone(page, number);
      assert.equal((await get(page, `/cards/${number}`)).state, state);
      await toast(page).getByRole('button', { name: 'Deshacer' }).click();
      await card.waitFor();
    }
    const { learnt } = await get(page, '/attention');
    assert.deepEqual(learnt.filter(({ useful, useless }) => useful + useless > 0), [], 'nor has this');

    await card.getByRole('button', { name: 'Más tarde' }).click();
    await card.locator('.options').getByRole('button', { name: 'Mañana' }).click();
    await card.waitFor({ state: 'detached' });
    assert.match((await get(page, `/cards/${number}`)).until, /^2026-05-15T09:00/);
    await page.locator('.fold', { hasText: 'aplazada' }).locator('summary').click();
    await page.locator('.fold', { hasText: 'aplazada' }).getByRole('button', { name: 'Ahora' }).first().click();
    await card.waitFor();
    await close();
  });

  test('a card says why, and “never” is a rule that can be seen, undone and removed', async () => {
    const { page, close } = await today();
    const { number, kind } = (await get(page, '/cards')).cards[0];
    const never = async () => {
      const here = await unfold(page, number);
      await here.getByRole('button', { name: 'Más, y por qué' }).click();
      assert.ok(normal(await here.locator('.because').textContent()).length > 10, 'because');
      await here.getByRole('button', { name: /^Nunca/ }).first().click();
      await gone(page, number);
    };
    await never();
    assert.deepEqual((await get(page, '/attention')).rules, [{ kind, person: null, effect: 'never' }]);
    await toast(page).getByRole('button', { name: 'Deshacer' }).click();
    await page.locator(`[data-card="${number}"]`).waitFor();
    assert.deepEqual((await get(page, '/attention')).rules, []);
    await never();
    await page.goto(`${origin}/#/attention`);
    await page.locator('.rules').first().getByRole('button', { name: /^Quitar la regla/ }).click();
    await page.locator('.rules b').waitFor({ state: 'detached' });
    assert.deepEqual((await get(page, '/attention')).rules, []);
    await close();
  });

  test('attention: budget, quiet hours and a rule for a person are kept', async () => {
    const { page, close } = await open({ hash: '#/attention' });
    await page.getByLabel('Interrupciones al día, como mucho').fill('3');
    await page.getByLabel('Interrupciones al día, como mucho').press('Tab');
    await page.getByLabel('Silencio desde').fill('21:30');
    await page.getByLabel('Silencio desde').press('Tab');
    await page.locator('.rules select').first().selectOption('always');
    await page.getByLabel('Dirección de una persona').fill('gadea.lozano@correo.example');
    await page.locator('.rules').first().getByRole('button', { name: 'Añadir' }).click();
    await page.locator('.rules li', { hasText: 'gadea.lozano' }).waitFor();
    const kept = await get(page, '/attention');
    assert.equal(kept.per_day, 3);
    assert.equal(kept.quiet_from, '21:30');
    assert.deepEqual(kept.rules, [{ kind: null, person: 'gadea.lozano@correo.example', effect: 'always' }]);
    await close();
  });

  test('a replay shows what would have interrupted, and learns from yes and no', async () => {
    const { page, close } = await open({ hash: '#/attention?replay=1' });
    const first = page.locator('.replay li').first();
    await first.waitFor();
    assert.match(normal(await page.locator('.replay .sum').textContent()), /\d+ interrupci(ón|ones) en \d+ correos/);
    const total = ({ learnt }) => learnt.reduce((sum, each) => sum + each.useless, 0);
    const before_no = total(await get(page, '/attention'));
    await first.getByRole('button', { name: 'No', exact: true }).click();
    await first.locator('.noted').waitFor();
    assert.equal(total(await get(page, '/attention')), before_no + 1);
    await page.locator('table td').first().waitFor();
    // A new mailbox interrupts nobody before this was looked at; the owner may begin at once.
    assert.ok((await get(page, '/attention')).held.accounts.length >= 1);
    await page.locator('[data-live]').click();
    await page.locator('[data-live]').waitFor({ state: 'detached' });
    assert.equal((await get(page, '/attention')).held, null);
    await close();
  });

  test('sources: a calendar and a maildir are added by form; what is wrong is said in plain words', async () => {
    const { page, close } = await open({ hash: '#/sources', trouble: true });
    await page.locator('.source').first().waitFor();
    const count = await page.locator('.source').count();
    const alert = page.locator('dialog [role=alert]');
    const choose = (label) => page.locator('dialog .kind', { hasText: label }).click();
    const submit = () => page.locator('dialog button.first').click();
    await page.locator('.page-head .first').click();

    await choose('Archivo .ics');
    await page.locator('dialog [data-path]').fill(`${fixtures}/broken.ics`);
    await submit();
    await alert.filter({ hasText: 'no es un fichero de calendario' }).waitFor();
    await page.locator('dialog [data-path]').fill(`${fixtures}/extra.ics`);
    await submit();
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.locator('.source', { hasText: 'extra' }).waitFor();

    await page.locator('.page-head .first').click();
    await choose('Maildir');
    await page.locator('dialog [data-path]').fill(`${fixtures}/extra.ics`);
    await submit();
    await alert.waitFor();
    await page.locator('dialog [data-path]').fill(`${fixtures}/otro-correo`);
    await submit();
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.locator('.fresh').waitFor();
    assert.equal(await page.locator('.source').count(), count + 2);

    // An account whose server does not answer; the password comes back in no answer.
    await page.locator('.page-head .first').click();
    await choose('Cuenta de correo');
    await page.locator('dialog [data-path]').fill('clara@localhost');
    await page.locator('dialog input[type=password]').fill('muy-secreto-17');
    await page.locator('dialog summary').click();
    await page.locator('dialog').getByLabel('Servidor', { exact: true }).fill('127.0.0.1');
    await page.locator('dialog').getByLabel('Puerto').fill('9');
    const answer = page.waitForResponse((response) => response.url().endsWith('/sources') && response.request().method() === 'POST');
    await submit();
    assert.doesNotMatch(await (await answer).text(), /muy-secreto-17/);
    await alert.waitFor();
    assert.ok(normal(await alert.textContent()).length > 15);
    assert.doesNotMatch(await page.locator('dialog').innerText(), /muy-secreto-17/);
    await page.keyboard.press('Escape');
    await page.locator('.fresh a').click();
    await page.locator('.replay .sum').waitFor();
    await close();
  });

  test('a chat is sent from the page, grows with a later export, and goes with its source', async () => {
    const { page, close } = await open({ hash: '#/sources', trouble: true });
    await page.locator('.source').first().waitFor();
    const submit = () => page.locator('dialog button.first').click();
    const send = async (label, file) => {
      await page.locator('.page-head .first').click();
      await page.locator('dialog .kind', { hasText: label }).click();
      await page.locator('dialog input[type=file]').setInputFiles(file);
      await submit();
    };
    const chats = async () => (await get(page, '/sources')).sources.filter((source) => source.kind === 'whatsapp');
    const items = async () => (await chats()).map((source) => source.items);
    const settles = async (wanted) => {
      for (let tries = 0; JSON.stringify(await items()) !== JSON.stringify(wanted); tries++) {
        assert.ok(tries < 50, `${JSON.stringify(await items())}, not ${JSON.stringify(wanted)}`);
        await page.waitForTimeout(200);
      }
    };
    // What is no calendar is said so, and nothing stays of it.
    await send('Archivo .ics', `${fixtures}/broken.ics`);
    await page.locator('dialog [role=alert]').filter({ hasText: 'no es un fichero de calendario' }).waitFor();
    await page.keyboard.press('Escape');
    await send('WhatsApp', `${fixtures}/antes/WhatsApp Chat with Iris.txt`);
    await page.locator('dialog').waitFor({ state: 'detached' });
    await settles([2]);
    await send('WhatsApp', `${fixtures}/luego/WhatsApp Chat with Iris.txt`);
    await page.locator('dialog').waitFor({ state: 'detached' });
    await settles([3]);
    assert.equal((await chats()).length, 1, 'the same export is the same source');

    // What was said in it, with the words.
    await page.goto(`${origin}/#/search?q=regalo`);
    await page.locator('main a, main button').filter({ hasText: 'Iris (WhatsApp)' }).first().click();
    await page.locator('.panel h2', { hasText: 'Iris' }).waitFor();
    await page.locator('.panel').getByRole('button', { name: 'Resumir' }).click();
    const decision = page.locator('[data-claim=decision] button');
    await decision.filter({ hasText: 'comprar el regalo entre las dos' }).waitFor();
    await page.locator('.summary', { hasText: 'Sin modelo de lenguaje' }).waitFor();
    await decision.click();
    await page.locator('.panel mark', { hasText: 'Hemos decidido comprar el regalo' }).first().waitFor();
    assert.ok(await page.locator('.summary').count(), 'the summary stays while its words are looked at');
    await page.locator('.panel').getByRole('button', { name: 'Cerrar el resumen' }).click();
    await page.locator('.summary').waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');

    const [source] = await chats();
    await page.request.delete(`${origin}/api/v1/sources/${source.id}`, { headers: { Origin: origin } });
    assert.deepEqual(await chats(), []);
    const again = await page.request.post(`${origin}/api/v1/sources`, {
      data: { kind: 'whatsapp', path: source.location }, headers: { Origin: origin },
    });
    assert.ok(again.status() >= 400, 'the copy that was sent has gone with its source');
    await close();
  });

  test('what was written lately is summarised; a thread from its mail', async () => {
    const { page, close } = await today();
    await page.getByRole('button', { name: 'Resumir lo que se ha escrito' }).click();
    const claims = page.locator('.summary [data-claim]');
    await claims.first().waitFor();
    await page.locator('.summary', { hasText: 'Sin modelo de lenguaje' }).waitFor();
    const told = (await claims.allTextContents()).map(normal).join('\n');
    assert.match(told, /Gadea Lozano/);
    await claims.first().locator('button').click();
    await page.locator('.panel mark').first().waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.page .summary').getByRole('button', { name: 'Cerrar el resumen' }).click();
    await page.locator('.page .summary').waitFor({ state: 'detached' });
    await close();
  });

  test('a sentence becomes a plan, approved as its preview says, and taken back', async () => {
    const { page, close } = await today();
    const box = page.getByRole('textbox', { name: 'Qué quieres que haga lar' });
    await box.fill('mueve el ensayo del coro al viernes 15 de mayo a las 20:00');
    await page.getByRole('button', { name: 'Planear' }).click();
    const card = page.locator('[data-kind=plan]');
    await card.locator('.preview').waitFor();
    const number = Number(await card.getAttribute('data-card'));
    assert.match(normal(await card.locator('.preview').textContent()), /Ensayo del coro.*15 de mayo de 2026, 20:00/);
    await card.getByRole('button', { name: 'Cambiar la cita de hora' }).click();
    await gone(page, number);
    const [action] = (await get(page, `/cards/${number}`)).actions;
    assert.equal(action.state, 'done', JSON.stringify(action.result));
    await toast(page).getByRole('button', { name: 'Deshacer' }).click();
    await page.locator(`[data-card="${number}"]`).waitFor();
    await page.locator(`[data-card="${number}"]`).getByRole('button', { name: 'No', exact: true }).click();
    await gone(page, number);
    // What no plan can be made of is said.
    await box.fill('zzz');
    await page.getByRole('button', { name: 'Planear' }).click();
    await page.locator('.plan .question, .plan .error, .plan .small').first().waitFor();
    await close();
  });

  test('what needs no asking is allowed on a card, listed, and ended', async () => {
    const { page, close } = await today();
    const card = await card_of(page, 'event', 'Confirmación de su cita');
    const number = Number(await card.getAttribute('data-card'));
    await card.locator('.preview').waitFor();
    await card.getByRole('button', { name: 'Más, y por qué' }).click();
    await card.getByRole('button', { name: /desde ahora sin preguntar/ }).click();
    await gone(page, number);
    await page.goto(`${origin}/#/attention`);
    const rule = page.locator('[data-standing] li', { hasText: 'citas@clinica-sonrisa.example' });
    await rule.waitFor();
    assert.equal((await get(page, '/attention')).standing.length, 1);
    await rule.getByRole('button').click();
    await rule.waitFor({ state: 'detached' });
    assert.deepEqual((await get(page, '/attention')).standing, []);
    const done = (await get(page, `/cards/${number}`)).actions.find((action) => action.state === 'done');
    await page.request.post(`${origin}/api/v1/actions/${done.id}`, { data: { do: 'undo' }, headers: { Origin: origin } });
    await close();
  });

  test('what is new shows by itself, in an open page', async () => {
    const { page, close } = await today();
    const other = await today();
    const { number } = (await get(page, '/cards')).cards[0];
    await page.locator(`[data-card="${number}"]`).waitFor();
    await other.page.locator(`[data-card="${number}"]`).getByRole('button', { name: 'Hecho', exact: true }).click();
    await page.locator(`[data-card="${number}"]`).waitFor({ state: 'detached' });
    await toast(other.page).getByRole('button', { name: 'Deshacer' }).click();
    await page.locator(`[data-card="${number}"]`).waitFor();
    await other.close();
    await close();
  });

  test('memory: told, corrected, and forgotten for good', async () => {
    const { page, close } = await open({ hash: '#/memory' });
    await page.getByLabel('Algo que lar debe saber').fill('No como carne');
    await page.getByRole('button', { name: 'Recordar' }).click();
    const entry = page.locator('[data-memory]', { hasText: 'No como carne' });
    await entry.waitFor();
    await entry.getByRole('button', { name: /^Cambiar/ }).click();
    await page.getByLabel('Lo correcto').fill('No como carne ni pescado');
    await page.getByRole('button', { name: 'Guardar' }).click();
    await page.locator('[data-memory]', { hasText: 'ni pescado' }).waitFor();
    await page.locator('.page summary', { hasText: 'antes era así' }).waitFor();
    await page.locator('[data-memory]', { hasText: 'ni pescado' }).getByRole('button', { name: /^Olvidar/ }).click();
    await page.keyboard.press('Enter');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.locator('[data-memory]', { hasText: 'ni pescado' }).count(), 1, 'Enter on the question forgets nothing');
    await page.locator('[data-memory]', { hasText: 'ni pescado' }).getByRole('button', { name: /^Olvidar/ }).click();
    await page.locator('dialog .bad').click();
    await page.locator('[data-memory]', { hasText: 'ni pescado' }).waitFor({ state: 'detached' });
    const { memories } = await get(page, '/memory?state=all');
    assert.ok(memories.every(({ statement }) => !statement.includes('ni pescado')));
    await close();
  });

  test('an outside service is used only after consent to exactly that, and no longer than wanted', async () => {
    const { page, close } = await open({ hash: '#/models', trouble: true });
    const host = new URL(service).host;
    const chat = async () => (await get(page, '/models')).roles.find((each) => each.role === 'chat').model;
    const connections = async () => JSON.stringify((await get(page, '/egress')).entries).split('localhost').length - 1;
    const dialog = page.locator('dialog');
    const address = dialog.locator('input[inputmode=url]');
    const model = dialog.getByLabel('Modelo, como');
    const key = dialog.locator('input[type=password]');
    const agree = dialog.getByRole('checkbox');
    const use = dialog.getByRole('button', { name: 'Aceptar y usar' });
    const before_all = await connections();
    await page.getByRole('button', { name: 'Usar un servicio externo' }).click();
    await address.fill('http://api.example.org');
    await dialog.getByText('empiece por https://').waitFor();
    assert.equal(await agree.count(), 0, 'there is nobody to agree to');
    await address.fill(`${service}/v1`);
    await model.fill('large');
    await key.fill('sk-wrong');
    const told = normal(await dialog.innerText());
    assert.ok(told.includes(`a ${host}`) && /pasajes de tu correo/.test(told), told);
    assert.ok(await use.isDisabled(), 'nothing without consent');
    await model.press('Enter');
    assert.equal(await chat(), null);
    assert.equal(await connections(), before_all, 'not even a look at it');

    // Consent is for what is shown: another role sends something else.
    await agree.check();
    assert.ok(await use.isEnabled());
    await dialog.getByRole('combobox').selectOption('embed');
    assert.match(normal(await dialog.innerText()), /todo lo que lar lee/);
    assert.ok(await use.isDisabled() && !(await agree.isChecked()));
    await dialog.getByRole('combobox').selectOption('chat');
    await address.fill('https://localhost:1/v1');
    assert.ok(await use.isDisabled(), 'nor for another address');
    await address.fill(`${service}/v1`);

    await agree.check();
    await use.click();
    await dialog.locator('[role=alert]').waitFor();
    assert.doesNotMatch(await dialog.innerText(), /sk-wrong/);
    assert.equal(await chat(), null, 'a wrong key binds nothing');

    await key.fill(service_key);
    await agree.check();
    const answer = page.waitForResponse((response) => response.url().endsWith('/models/use'));
    await use.click();
    assert.doesNotMatch(await (await answer).text(), new RegExp(service_key));
    await dialog.waitFor({ state: 'detached' });
    const row = page.locator('.roles li', { hasText: `Fuera de este equipo: ${host}` });
    await row.waitFor();
    await page.locator('nav .sealed', { hasText: `Lo que se pregunta va a ${host}` }).waitFor();
    assert.equal(await chat(), `${service}/v1#large`);
    assert.ok((await connections()) > before_all, 'every connection is written down');
    const { entries } = await get(page, '/journal?limit=50');
    assert.ok(entries.some(({ kind, summary }) => kind === 'approval' && summary.includes(host) && summary.includes('chat')));

    await row.getByRole('button', { name: /^Terminar/ }).click();
    await row.waitFor({ state: 'detached' });
    await page.locator('nav .sealed', { hasText: host }).waitFor({ state: 'detached' });
    assert.equal(await chat(), null);
    const again = await page.request.post(`${origin}/api/v1/models/use`, {
      data: { role: 'chat', model: `${service}/v1#large` }, headers: { Origin: origin },
    });
    assert.equal(again.status(), 403, 'consent has ended with it');
    await close();
  });

  test('the day by keyboard alone: to a card, its way to change, and out', async () => {
    const { page, close } = await today();
    const card = await card_of(page, 'event', 'Confirmación de su cita');
    await card.locator('.preview').waitFor();
    await card.getByRole('button', { name: 'Añadir al calendario' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await card.getByLabel('Título').waitFor();
    await card.getByRole('button', { name: 'Cancelar' }).focus();
    await page.keyboard.press('Enter');
    await card.locator('.preview').waitFor();
    await close();
  });

  for (const scheme of ['light', 'dark']) {
    for (const [width, size] of [['desk', desk], ['phone', phone]]) {
      test(`axe finds nothing serious and nothing scrolls sideways, ${scheme}, ${width}`, async () => {
        const { page, close } = await today({ scheme, size });
        for (const [view, sign] of Object.entries(ready)) {
          await page.goto(`${origin}/#/${view}${view === 'attention' ? '?replay=1' : ''}`);
          await page.locator(sign).first().waitFor();
          if (view === 'attention') await page.locator('.replay .sum').waitFor();
          if (view === 'today') {
            await page.locator('.preview').first().waitFor();
            await picture(page, view, width, scheme);
            if (width === 'desk' && scheme === 'light') await picture(page, 'first', width, scheme, false);
            await page.locator('[data-card] .decide').first().scrollIntoViewIfNeeded();
            await page.getByRole('button', { name: 'Cambiar', exact: true }).first().click();
            await page.getByRole('button', { name: 'Más tarde' }).first().click();
            await page.getByRole('button', { name: 'Más, y por qué' }).nth(1).click();
            for (const fold of await page.locator('.fold summary').all()) await fold.click();
            await picture(page, 'today-open', width, scheme);
          } else await picture(page, view, width, scheme);
          assert.deepEqual(await violations(page), [], view);
          assert.ok((await sideways(page)) <= 0, `${view} scrolls sideways`);
        }
        await page.goto(`${origin}/#/sources`);
        await page.locator('.page-head .first').click();
        await page.locator('dialog').waitFor();
        await page.locator('dialog summary').click();
        await picture(page, 'add', width, scheme, false);
        assert.deepEqual(await violations(page), [], 'dialog');
        await page.goto(`${origin}/#/models`);
        await page.locator('.elsewhere').click();
        await page.locator('dialog input[inputmode=url]').fill(`${service}/v1`);
        await page.locator('dialog').getByRole('checkbox').waitFor();
        await picture(page, 'outside', width, scheme, false);
        assert.deepEqual(await violations(page), [], 'outside service');
        assert.ok((await sideways(page)) <= 0, 'outside service scrolls sideways');
        await close();
      });
    }
  }

  test('in English nothing scrolls sideways at 360 pixels', async () => {
    const { page, close } = await open({ size: phone, locale: 'en-GB', hash: '#/today' });
    for (const [view, sign] of Object.entries(ready)) {
      await page.goto(`${origin}/#/${view}`);
      await page.locator(sign).first().waitFor();
      assert.ok((await sideways(page)) <= 0, view);
    }
    await close();
  });

  test('through all of this: no complaint in the console, no request to another origin', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  });
});

async function picture(page, name, width, scheme, whole = true) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}-${width}-${scheme}.png`), fullPage: whole });
}
