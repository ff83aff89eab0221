/** The console in Chromium, on a server that captures mail: what a developer does with it, and that everybody can. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ok, until } from '../flows/support/ask.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../flows/support/webhook-receiver.ts'
import { type Page, SHOTS, seriousFindings } from './browser.ts'
import { type ConsoleRig, chooseTheme, rowOf, startConsole, THEMES } from './console-rig.ts'

const SEEN_MS = 1000
/** Every page of the rail, and the list of keys. */
const PAGES = [
  '#/messages',
  '#/messages?group=recipient',
  '#/messages?help=keys',
  '#/domains',
  '#/keys',
  '#/webhooks',
  '#/suppressions',
  '#/dead-letters',
  '#/health',
]

let rig: ConsoleRig
let receiver: WebhookReceiver
let page: Page
before(async () => {
  rig = await startConsole()
  receiver = await startWebhookReceiver()
  page = await rig.open()
})
after(async () => {
  await receiver?.[Symbol.asyncDispose]()
  await rig?.[Symbol.asyncDispose]()
})

const tab = (name: string) => page.getByRole('tab', { name, exact: true })
const message = (subject: string) => ({
  from: 'Ada <ada@kabutar.test>',
  to: ['bob@far.test'],
  subject,
  html: '<p>Your code is <b>482913</b></p>',
  text: 'Your code is 482913',
})

describe('the console', () => {
  test('shows the first message after one press on an empty page', async () => {
    await page.getByText('Send a message').waitFor()
    assert.match(
      (await page.locator('.snippet').first().textContent()) ?? '',
      new RegExp(`baseUrl: '${rig.server.url}'`),
    )
    await page.screenshot({ path: join(SHOTS, 'empty.png') })
    await page.getByRole('button', { name: 'Send a sample' }).click()
    await rowOf(page, 'your first message').waitFor()
    await page.frameLocator('iframe.frame').getByText('It flies').first().waitFor()
    // The sample goes to a domain of this server, so it comes back as a received message.
    await until('the received copy', async () => (await page.getByRole('option').count()) === 2)
  })

  test('shows a message that is sent within a second', async (t) => {
    const from = Date.now()
    await ok(rig.resend.emails.send(message('on time')))
    const accepted = Date.now()
    await rowOf(page, 'on time').waitFor({ timeout: SEEN_MS })
    t.diagnostic(`accepted after ${accepted - from} ms, seen ${Date.now() - accepted} ms later`)
    assert.match(await page.title(), /^\(\d+\) Kabutar$/)
  })

  test('shows a message that is received within a second', async (t) => {
    const text = ['From: Eve <eve@far.test>', 'To: in@kabutar.test', 'Subject: from afar', '', 'hello', ''].join('\r\n')
    await rig.server.receive(text, ['in@kabutar.test'])
    const accepted = Date.now()
    await rowOf(page, 'from afar').waitFor({ timeout: SEEN_MS })
    t.diagnostic(`seen ${Date.now() - accepted} ms after the 250`)
    await rowOf(page, 'from afar').click()
    await page.getByRole('heading', { name: 'from afar' }).waitFor()
    await tab('Text').click()
    await page.locator('pre').filter({ hasText: 'hello' }).waitFor()
  })

  test('moves the timeline as the message moves', async () => {
    await rowOf(page, 'on time').click()
    await page.getByRole('heading', { name: 'on time' }).waitFor()
    await tab('Timeline').click()
    const lane = page.locator('.lane').filter({ hasText: 'bob@far.test' })
    await lane.getByText('Accepted').waitFor()
    await lane.getByText('Delivered').waitFor()
  })

  test('shows source, headers and attachments of a captured message', async () => {
    const file = { filename: 'plan.txt', content: Buffer.from('the plan').toString('base64') }
    await ok(rig.resend.emails.send({ ...message('with a file'), attachments: [file] }))
    await rowOf(page, 'with a file').click()
    await page.getByRole('heading', { name: 'with a file' }).waitFor()
    await tab('Source').click()
    await page.locator('pre').filter({ hasText: 'Subject: with a file' }).waitFor()
    await tab('Headers').click()
    await page.getByLabel('Filter headers').fill('subject')
    assert.equal(await page.locator('.headers tbody tr').count(), 1)
    await tab('Attachments').click()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download plan.txt' }).click()
    assert.equal((await download).suggestedFilename(), 'plan.txt')
    assert.equal(readFileSync(await (await download).path(), 'utf8'), 'the plan')
  })

  test('shows what a webhook answered, and replays it', async () => {
    const url = receiver.url('/hook')
    const { id } = await ok(rig.resend.webhooks.create({ endpoint: url, events: ['email.delivered'] }))
    receiver.trust('/hook', (await ok(rig.resend.webhooks.get(id))).signing_secret)
    await ok(rig.resend.emails.send(message('with a webhook')))
    await receiver.waitFor('/hook', ({ length }) => length === 1)
    await rowOf(page, 'with a webhook').click()
    await page.getByRole('heading', { name: 'with a webhook' }).waitFor()
    await tab('Timeline').click()
    const delivery = page.locator('.delivery').filter({ hasText: url })
    await delivery.getByText('Answered').waitFor()
    await delivery.locator('summary').click()
    await delivery.getByText('Attempt 1: 200').waitFor()
    await page.screenshot({ path: join(SHOTS, 'timeline.png') })
    await delivery.getByRole('button', { name: 'Replay' }).click()
    const [first, second] = await receiver.waitFor('/hook', ({ length }) => length === 2)
    assert.equal(second?.id, first?.id)
    await delivery.getByText('Attempt 2: 200').waitFor()
  })

  test('sends a message again', async () => {
    await rowOf(page, 'on time').click()
    await page.getByRole('heading', { name: 'on time' }).waitFor()
    await page.getByRole('button', { name: 'Send again' }).click()
    await until(
      'the second message',
      async () => (await page.getByRole('option').filter({ hasText: 'on time' }).count()) === 2,
    )
  })

  test('deletes a received message, and takes it back', async () => {
    await rowOf(page, 'from afar').click()
    await page.getByRole('heading', { name: 'from afar' }).waitFor()
    // Two toasts stand beside each other: the second must not cover what takes the first deed back.
    await page.keyboard.press('#')
    await page.keyboard.press('Shift+R')
    await rowOf(page, 'from afar').waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Undo' }).click()
    await rowOf(page, 'from afar').waitFor()
  })

  test('keeps filter, search and the open message in the URL', async () => {
    await page.getByRole('button', { name: 'Received', exact: true }).click()
    await rowOf(page, 'on time').waitFor({ state: 'hidden' })
    await page.getByLabel('Search').fill('from:eve afar')
    await until('one row', async () => (await page.getByRole('option').count()) === 1)
    await rowOf(page, 'from afar').click()
    await page.getByRole('heading', { name: 'from afar' }).waitFor()
    const other = await rig.open(new URL(page.url()).hash)
    await rowOf(other, 'from afar').waitFor()
    await other.getByRole('heading', { name: 'from afar' }).waitFor()
    assert.equal(await other.getByRole('option').count(), 1)
    await other.close()
    await page.getByLabel('Search').fill('')
    await page.getByRole('button', { name: 'All', exact: true }).click()
    await rowOf(page, 'on time').waitFor()
  })

  test('pauses, and shows later what came meanwhile', async () => {
    await page.getByRole('button', { name: /Live/ }).click()
    await ok(rig.resend.emails.send(message('meanwhile')))
    await page.locator('.live-mark .badge').waitFor()
    assert.equal(await rowOf(page, 'meanwhile').count(), 0)
    await page.getByRole('button', { name: /Paused/ }).click()
    await rowOf(page, 'meanwhile').waitFor()
  })

  test('is used by keyboard alone', async () => {
    await page.goto(`${rig.server.url}/#/messages`)
    await page.getByRole('listbox').press('ArrowDown')
    const first = await page.getByRole('heading').filter({ hasText: /./ }).allTextContents()
    await page.keyboard.press('j')
    await until('the next message', async () => {
      const now = await page.getByRole('heading').filter({ hasText: /./ }).allTextContents()
      return now.join() !== first.join()
    })
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await page.screenshot({ path: join(SHOTS, 'keys.png') })
    await page.keyboard.press('Escape')
    await page.keyboard.press('/')
    await page.keyboard.type('time')
    await rowOf(page, 'meanwhile').waitFor({ state: 'hidden' })
    await page.getByLabel('Search').fill('')
  })

  test('groups messages by recipient', async () => {
    await page.goto(`${rig.server.url}/#/messages?group=recipient`)
    await page.getByRole('link', { name: /bob@far\.test/ }).click()
    await rowOf(page, 'on time').waitFor()
    await rowOf(page, 'from afar').waitFor({ state: 'hidden' })
  })

  test('shows one column on a narrow screen', async () => {
    await page.setViewportSize({ width: 390, height: 800 })
    await page.goto(`${rig.server.url}/#/messages`)
    await rowOf(page, 'on time').click()
    await page.getByRole('heading', { name: 'on time' }).waitFor()
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390)
    await page.getByRole('link', { name: 'Back' }).click()
    await rowOf(page, 'on time').waitFor()
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  test('has no serious finding of axe-core, in both themes', async () => {
    const tabs = ['preview', 'source', 'headers', 'attachments', 'timeline'].map((one) => `?tab=${one}`)
    await page.goto(`${rig.server.url}/#/messages`)
    await rowOf(page, 'on time').click()
    const { hash } = new URL(page.url())
    for (const theme of THEMES) {
      await chooseTheme(page, theme)
      for (const view of [...PAGES, ...tabs.map((tab) => hash + tab)]) {
        await page.goto(`${rig.server.url}/${view}`)
        await page.waitForTimeout(300)
        assert.deepEqual(await seriousFindings(page), [], `${view} in ${theme}`)
      }
    }
  })

  test('writes no error to the console of the browser', () => {
    assert.deepEqual(rig.errors(), [])
  })
})
