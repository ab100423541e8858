// Signs in to a mail account on its provider's page, begun by the form of lar's page. tests/real/oauth.py, which has the
// provider and the mail server, runs it once a step:
//
//   oauth.py on_the_page --browser node tests/page/consent.mjs
import assert from 'node:assert/strict';
import { complaints, end_browser, foreign, normal, open, start_browser, violations } from './browser.mjs';

const account = JSON.parse(process.env.LAR_ACCOUNT ?? '{}');

async function begin() {
  const opened = await open({ hash: '#/sources', trouble: true });
  const { page } = opened;
  await page.locator('.page-head .first').click();
  await page.locator('dialog [data-path]').fill(account.address);
  await fill_consent(page);
  await page.locator('dialog summary').click();
  await page.locator('dialog').getByLabel('Servidor', { exact: true }).fill('127.0.0.1');
  await page.locator('dialog').getByLabel('Puerto', { exact: true }).fill(String(account.port));
  await page.locator('dialog details select').selectOption('none');
  return opened;
}

async function fill_consent(page) {
  const submit = page.locator('dialog button.first');
  await page.locator('dialog [data-sign-in]').selectOption('other');
  assert.equal(await page.locator('dialog input[autocomplete=new-password]').count(), 1, 'no password is asked for, but the program’s');
  await page.locator('dialog [data-client]').fill(account.client);
  assert.ok(await submit.isDisabled(), 'without the addresses there is nothing to open');
  await page.locator('dialog [data-authorize]').fill(account.authorize);
  await page.locator('dialog [data-token]').fill(account.token);
  await page.locator('dialog [data-scope]').fill(account.scope);
}

/** The provider's page in its own window, which cannot reach back into this one. */
async function provider(page) {
  const [popup] = await Promise.all([page.context().waitForEvent('page'), page.locator('dialog button.first').click()]);
  await popup.waitForLoadState();
  assert.equal(await popup.evaluate(() => window.opener), null);
  return popup;
}

const steps = {
  async left() {
    const { page, close } = await begin();
    const popup = await provider(page);
    await popup.getByText('Allow lar').waitFor();
    await page.locator('[data-consent=waiting]').waitFor();
    const link = page.locator('[data-consent] a');
    assert.ok((await link.getAttribute('href')).startsWith(account.authorize));
    assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await close();
  },

  async refused() {
    const { page, close } = await begin();
    await provider(page);
    await page.locator('dialog [role=alert]', { hasText: 'The owner said no' }).waitFor();
    assert.match(normal(await page.locator('dialog [role=alert]').textContent()), /El proveedor no lo ha permitido/);
    // An address over which a token would go in the clear is refused before any page opens.
    await page.locator('dialog [data-token]').fill('http://example.org/token');
    await page.locator('dialog button.first').click();
    await page.locator('dialog [role=alert]', { hasText: 'No es una dirección https' }).waitFor();
    await close();
  },

  async allowed() {
    const { page, close } = await begin();
    const popup = await provider(page);
    await popup.getByText('lar ya tiene la respuesta').waitFor();
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.locator('.source', { hasText: account.address }).waitFor();
    await page.locator('.fresh').waitFor();
    await close();
  },
};

await start_browser();
try {
  await steps[process.env.LAR_STEP]();
  assert.deepEqual(complaints, []);
  assert.deepEqual(foreign, []);
} finally {
  await end_browser();
}
