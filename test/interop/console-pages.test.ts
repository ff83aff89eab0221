/** The pages beside the messages, in Chromium: domains, keys, webhooks, suppressions, dead letters, health; and Uzbek. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ok, until } from '../flows/support/ask.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../flows/support/webhook-receiver.ts'
import { type Page, SHOTS, seriousFindings } from './browser.ts'
import { type ConsoleRig, chooseTheme, startConsole, THEMES } from './console-rig.ts'

let rig: ConsoleRig
let receiver: WebhookReceiver
let page: Page
before(async () => {
  rig = await startConsole()
  receiver = await startWebhookReceiver()
  page = await rig.open('#/domains')
})
after(async () => {
  await receiver?.[Symbol.asyncDispose]()
  await rig?.[Symbol.asyncDispose]()
})

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
const field = (name: string) => page.getByRole('textbox', { name: new RegExp(`^${name}`) })
const select = (name: string) => page.getByRole('combobox', { name: new RegExp(`^${name}`) })
const dialog = (name: string) => page.getByRole('dialog', { name })
const heading = (name: string) => page.getByRole('heading', { name, exact: true })
const row = (text: string) => page.getByRole('row').filter({ hasText: text })
const open = (hash: string) => page.goto(`${rig.server.url}/${hash}`)
const focused = () => page.evaluate<string>('document.activeElement.textContent.trim()')

describe('domains', () => {
  test('one is added, and its records are shown to copy', async () => {
    await button('Add a domain').click()
    await dialog('Add a domain').getByRole('button', { name: 'Add a domain' }).waitFor()
    await field('Domain').fill('localhost')
    await page.keyboard.press('Enter')
    await dialog('Add a domain').getByRole('alert').filter({ hasText: 'localhost' }).waitFor()
    await field('Domain').fill('shop.example')
    await page.keyboard.press('Enter')
    await heading('shop.example').waitFor()
    await row('DKIM')
      .getByRole('button', { name: /^Copy the value of/ })
      .waitFor()
    await row('DKIM').getByText('Pending').waitFor()
    await row('_dmarc.shop.example').waitFor()
    assert.equal(await focused(), 'shop.example')
    assert.deepEqual(await seriousFindings(page), [])
    await page.screenshot({ path: join(SHOTS, 'domain.png') })
  })

  test('receiving is turned on, and a record to receive by appears', async () => {
    const receiving = page.getByRole('switch', { name: /^Receiving/ })
    assert.equal(await receiving.getAttribute('aria-checked'), 'false')
    await receiving.press(' ')
    await row('MX').getByText('Receiving').waitFor()
    assert.equal(await receiving.getAttribute('aria-checked'), 'true')
  })

  test('one is verified, and deleted after a question', async () => {
    await button('Verify now').click()
    await page
      .getByText(/^The records were looked for/)
      .first()
      .waitFor()
    await button('Delete').click()
    await dialog('Delete the domain').getByRole('button', { name: 'Delete', exact: true }).click()
    await heading('Domains').waitFor()
    await row('kabutar.test').waitFor()
    assert.equal(await row('shop.example').count(), 0)
  })
})

describe('API keys', () => {
  test('the token of a new one is shown once', async () => {
    await open('#/keys')
    for (const name of ['Web shop', 'Reports', 'Nightly']) {
      await button('Create a key').click()
      await field('Name').fill(name)
      await page.keyboard.press('Enter')
      const created = dialog(`The key “${name}” is created`)
      await created.waitFor()
      assert.deepEqual(await seriousFindings(page), [])
      assert.match(await page.evaluate<string>('document.querySelector(".token input").value'), /^re_\S{20,}$/)
      await page.keyboard.press('Escape')
      await row(name).getByText('Sending').waitFor()
    }
    assert.doesNotMatch(await page.content(), /re_\w{20,}/)
  })

  test('the neighbour of a deleted one has the focus', async () => {
    await row('Reports').getByRole('button', { name: 'Delete Reports' }).click()
    await dialog('Delete the key').getByRole('button', { name: 'Delete', exact: true }).click()
    await row('Reports').waitFor({ state: 'hidden' })
    assert.equal(await focused(), 'Rename Web shop')
  })

  test('a question that is called off gives the focus back', async () => {
    await row('Web shop').getByRole('button', { name: 'Delete Web shop' }).click()
    await dialog('Delete the key').waitFor()
    await page.keyboard.press('Escape')
    await dialog('Delete the key').waitFor({ state: 'hidden' })
    assert.equal(await focused(), 'Delete Web shop')
  })
})

describe('the styles of a page', () => {
  test('stay on that page', async () => {
    await open('#/messages')
    await page.getByText('Send').first().waitFor()
    await page.getByRole('link', { name: 'API keys' }).click()
    await row('Web shop').waitFor()
    assert.equal(await page.evaluate('getComputedStyle(document.querySelector("td.actions")).display'), 'table-cell')
  })
})

describe('webhooks', () => {
  test('one is added, sent a test event, and shows what it answered', async () => {
    await open('#/webhooks')
    await button('Add a webhook').click()
    await field('Endpoint').fill(receiver.url('/hook'))
    await page.keyboard.press('Enter')
    await heading(receiver.url('/hook')).waitFor()
    const [made] = (await ok(rig.resend.webhooks.list())).data
    receiver.trust('/hook', (await ok(rig.resend.webhooks.get(made?.id ?? ''))).signing_secret)
    receiver.script('/hook', [200, 500])
    await button('Send a test event').click()
    await select('Event').selectOption('email.delivered')
    await dialog('Send a test event').getByRole('button', { name: 'Send', exact: true }).click()
    await heading('email.delivered').waitFor()
    await heading('1 attempt').waitFor()
    await page
      .locator('.attempt')
      .filter({ hasText: '200' })
      .getByText(/\d ms$/)
      .waitFor()
    assert.deepEqual(await seriousFindings(page), [])
    await page.screenshot({ path: join(SHOTS, 'webhook-event.png') })
  })

  test('an event is replayed, and each attempt stays beside its payload', async () => {
    await button('Replay').click()
    await heading('2 attempts').waitFor()
    await page.locator('.attempt').filter({ hasText: '500' }).waitFor()
    const [first, second] = await receiver.waitFor('/hook', ({ length }) => length >= 2)
    assert.equal(second?.id, first?.id)
    await page.locator('pre').filter({ hasText: '"type": "email.delivered"' }).waitFor()
  })

  test('deliveries are filtered, with the filter in the URL', async () => {
    await page.getByRole('link', { name: 'Back to the endpoint' }).click()
    await row('email.delivered').waitFor()
    assert.deepEqual(await seriousFindings(page), [])
    await select('Result').selectOption('failed')
    await page.getByText('No delivery matches').waitFor()
    assert.match(page.url(), /status=failed/)
    await select('Result').selectOption('')
    await row('email.delivered').waitFor()
  })

  test('a delivery that was not asked for here appears by itself', async () => {
    const [made] = (await ok(rig.resend.webhooks.list())).data
    const headers = { Authorization: `Bearer ${rig.server.apiKey}`, 'Content-Type': 'application/json' }
    const body = JSON.stringify({ type: 'email.bounced' })
    const answer = await fetch(`${rig.server.url}/webhooks/${made?.id}/test`, { method: 'POST', headers, body })
    assert.equal(answer.status, 200, await answer.text())
    await row('email.bounced').waitFor()
  })

  test('the secret is rotated, and the old one is known to sign for a day', async () => {
    await button('Rotate').click()
    await dialog('Rotate the signing secret').getByRole('button', { name: 'Rotate' }).click()
    await page.getByText(/^The old secret signs too until/).waitFor()
  })

  test('one is disabled with a reason, enabled, and deleted', async () => {
    await button('Disable').click()
    await page.getByText(/^The webhook is disabled\. Nothing/).waitFor()
    assert.equal(await button('Send a test event').count(), 0)
    await button('Enable').click()
    await button('Disable').waitFor()
    await button('Delete').click()
    await dialog('Delete the webhook').getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByText('No webhook yet').waitFor()
  })
})

describe('suppressions', () => {
  test('addresses are added, looked up and removed', async () => {
    await open('#/suppressions')
    await page.getByText('No address is suppressed').waitFor()
    await button('Add addresses').click()
    await field('Addresses').fill('ada@far.test, bob@far.test\nkim@far.test')
    await dialog('Add addresses').getByRole('button', { name: 'Add addresses' }).click()
    await row('kim@far.test').waitFor()
    await page.getByRole('searchbox', { name: 'Look up an address' }).fill('BOB@far.test')
    await page.keyboard.press('Enter')
    await row('ada@far.test').waitFor({ state: 'hidden' })
    await row('bob@far.test')
      .getByRole('button', { name: /^Remove/ })
      .click()
    await dialog('Remove').getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByText('BOB@far.test is not suppressed').waitFor()
    assert.equal(await focused(), 'Suppressions')
    await button('Show all').click()
    await row('ada@far.test').waitFor()
  })
})

describe('every page', () => {
  const PAGES = ['domains', 'keys', 'webhooks', 'suppressions', 'dead-letters', 'health']

  test('says that all is well where nothing is wrong', async () => {
    await open('#/dead-letters')
    await page.getByText('All is well').waitFor()
    await open('#/health')
    await heading('All is well').waitFor()
    await page.getByText(rig.server.url.replace('localhost', '127.0.0.1')).first().waitFor()
  })

  test('has no serious finding of axe-core, in both themes, and fits a phone', async () => {
    for (const theme of THEMES) {
      await chooseTheme(page, theme)
      for (const name of PAGES) {
        await open(`#/${name}`)
        await page.getByRole('heading').first().waitFor()
        await page.waitForTimeout(200)
        assert.deepEqual(await seriousFindings(page), [], `${name} in ${theme}`)
        await page.screenshot({ path: join(SHOTS, `${name}-${theme}.png`) })
      }
    }
    await page.setViewportSize({ width: 390, height: 800 })
    for (const name of PAGES) {
      await open(`#/${name}`)
      await page.waitForTimeout(200)
      assert.ok((await page.evaluate<number>('document.querySelector("#content").scrollWidth')) <= 390, name)
    }
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  test('notifies of a message while it is not seen, once that is asked for', async () => {
    await open('#/messages')
    await button(/Live/).waitFor()
    await page.evaluate(`
      told = []
      Notification = class { static permission = 'granted'; static requestPermission = async () => 'granted'
        constructor(title, { body }) { told.push(title + ': ' + body) } }
      Object.defineProperty(document, 'hidden', { value: true })`)
    await button('Preferences').click()
    await page.getByRole('menuitemcheckbox', { name: 'Notify of new messages' }).click()
    await ok(rig.resend.emails.send({ from: 'a@kabutar.test', to: 'b@far.test', subject: 'unseen', text: 'hello' }))
    await until('the notice', async () => (await page.evaluate<string[]>('told'))[0] === '1 new message: unseen')
  })

  test('is in Uzbek once that is chosen, and after a reload', async () => {
    await open('#/domains')
    await button('Preferences').click()
    await page.getByRole('menuitemradio', { name: 'Oʻzbekcha' }).click()
    await heading('Domenlar').waitFor()
    await page.reload()
    await heading('Domenlar').waitFor()
    assert.equal(await page.evaluate('document.documentElement.lang'), 'uz')
    await row('kabutar.test').getByText('Tasdiqlangan').waitFor()
    // Chromium has no Uzbek dates of its own.
    const times = await page.locator('time').allTextContents()
    for (const time of times) assert.match(time, /^(\d\d:\d\d|\d{1,2}-\p{Ll}{3})$/u)
    await page.screenshot({ path: join(SHOTS, 'domains-uz.png') })
  })

  test('writes no error to the console of the browser but the refusals that were provoked', () => {
    const provoked = /status of (404|422)/
    assert.deepEqual(
      rig.errors().filter((text) => !provoked.test(text)),
      [],
    )
  })
})
