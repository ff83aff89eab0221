/** What developers do with a list of mail all day: glance at first lines, select, delete, and see where a message came from. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { ok, until } from '../flows/support/ask.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../flows/support/webhook-receiver.ts'
import { type Page, SHOTS, seriousFindings } from './browser.ts'
import { type ConsoleRig, chooseTheme, rowOf, startConsole, THEMES } from './console-rig.ts'

let rig: ConsoleRig
let receiver: WebhookReceiver
let page: Page
before(async () => {
  rig = await startConsole({ env: { KABUTAR_DOMAINS: 'kabutar.test,second.test' } })
  receiver = await startWebhookReceiver()
  page = await rig.open()
})
after(async () => {
  await receiver?.[Symbol.asyncDispose]()
  await rig?.[Symbol.asyncDispose]()
})

const PHONE = { width: 375, height: 700 }
const DESKTOP = { width: 1280, height: 800 }
const TEXT = 'Hello Bob,\r\n\r\nyour code is 482913.'
const send = (subject: string, more: object = {}) =>
  ok(rig.resend.emails.send({ from: 'Ada <ada@kabutar.test>', to: 'bob@far.test', subject, text: TEXT, ...more }))
const receive = (subject: string, text: string) =>
  rig.server.receive(`From: Eve <eve@far.test>\r\nTo: in@kabutar.test\r\nSubject: ${subject}\r\n\r\n${text}\r\n`, [
    'in@kabutar.test',
  ])
const rows = () => page.getByRole('option')
const selected = () => page.locator('.row[aria-selected=true]')
const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
const dialog = () => page.getByRole('dialog', { name: 'Delete messages' })
const bar = () => page.locator('.select-bar')
const tab = (name: string) => page.getByRole('tab', { name, exact: true })
const focused = () => page.evaluate<string>('document.activeElement.className || document.activeElement.tagName')
const open = (hash: string) => page.goto(`${rig.server.url}/${hash}`)
/** Takes a picture to look at. */
const shoot = (name: string) => page.screenshot({ path: join(SHOTS, `daily-${name}.png`) })
const openAll = async () => {
  await open('#/messages')
  await page.locator('.rows').press('Escape')
}
const toldOfDeletion = (text: string) =>
  page.locator('[aria-live=polite]').filter({ hasText: text }).first().waitFor({ state: 'attached' })
/** A message that is still being sent is not deleted. */
const ended = () =>
  until('no message on its way', async () => {
    const { data } = await ok(rig.resend.emails.list({ limit: 100 }))
    return data.every(({ last_event }) => last_event !== 'queued')
  })
async function askToDeleteAll(name = 'Delete all messages…') {
  await button('Actions for the list').click()
  await page.getByRole('menuitem', { name }).click()
}

describe('a row of the list', () => {
  test('has the first line of the text, of sent and of received mail', async () => {
    await send('The code', { html: '<style>p{color:red}</style><p>Only&nbsp;<b>HTML</b> here</p>', text: undefined })
    await receive('A question', 'Where is my order?\r\n\r\nIt has been a week.')
    const preview = (subject: string) => rowOf(page, subject).locator('.row-preview')
    await rowOf(page, 'A question').waitFor()
    assert.equal(await preview('The code').textContent(), 'Only HTML here')
    assert.equal(await preview('A question').textContent(), 'Where is my order? It has been a week.')
  })

  test('names the domain of the sender once there are several', async () => {
    assert.equal(await page.locator('.row-sender').count(), 0)
    await send('From another shop', { from: 'Shop <shop@second.test>' })
    const sender = (subject: string) => rowOf(page, subject).locator('.row-sender')
    await sender('From another shop').waitFor()
    assert.equal(await sender('From another shop').textContent(), 'second.test')
    assert.equal(await sender('The code').textContent(), 'kabutar.test')
    assert.equal(await sender('A question').count(), 0)
  })
})

describe('a message', () => {
  test('shows its tags, and that it was captured, also when the filter hides it', async () => {
    const { id } = await send('With tags', { tags: [{ name: 'flow', value: 'sign-in' }] })
    await rowOf(page, 'With tags').getByText('Delivered').waitFor()
    await open(`#/messages/sent/${id}?show=received`)
    await page.reload()
    await page.getByText('flow: sign-in').waitFor()
    assert.equal(await rowOf(page, 'With tags').count(), 0)
    assert.equal(await page.locator('.message-title .direction').getAttribute('title'), 'Captured')
    await openAll()
  })

  test('leads by a tag to the others that have it', async () => {
    await send('Another with tags', { tags: [{ name: 'flow', value: 'sign-in' }] })
    await rowOf(page, 'Another with tags').click()
    await page.getByRole('link', { name: 'flow: sign-in' }).waitFor()
    await shoot('tags')
    await page.getByRole('link', { name: 'flow: sign-in' }).click()
    await rowOf(page, 'The code').waitFor({ state: 'hidden' })
    assert.equal(await rows().count(), 2)
    await send('A third with tags', { tags: [{ name: 'flow', value: 'sign-in' }] })
    await send('A fourth without')
    await rowOf(page, 'A third with tags').waitFor()
    assert.equal(await rowOf(page, 'A fourth without').count(), 0)
    await openAll()
  })

  test('says when a webhook that waits is tried again, and which attempts are replays', async () => {
    const url = receiver.url('/hook')
    const { id } = await ok(rig.resend.webhooks.create({ endpoint: url, events: ['email.delivered'] }))
    receiver.trust('/hook', (await ok(rig.resend.webhooks.get(id))).signing_secret)
    receiver.script('/hook', Array(9).fill(503))
    await send('With a webhook')
    await rowOf(page, 'With a webhook').click()
    await tab('Timeline').click()
    const delivery = page.locator('.delivery').filter({ hasText: url })
    await delivery.getByText(/^Next attempt /).waitFor()
    await delivery.locator('summary').click()
    const attempt = (number: number) => delivery.locator('li').filter({ hasText: `Attempt ${number}:` })
    await attempt(1).waitFor()
    await delivery.getByRole('button', { name: 'Replay' }).click()
    await delivery.locator('li .chip').filter({ hasText: 'Replay' }).first().waitFor()
    assert.equal(await attempt(1).getByText('Replay').count(), 0)
    await shoot('timeline')
    await page.setViewportSize(PHONE)
    await shoot('timeline-phone')
    await page.setViewportSize(DESKTOP)
    await ok(rig.resend.webhooks.remove(id))
    await openAll()
  })
})

describe('several messages', () => {
  test('are selected by keys, by Shift and a press, and by their marks', async () => {
    for (let n = 1; n <= 6; n++) await send(`Number ${n}`)
    await rowOf(page, 'Number 6').click()
    await page.keyboard.press('x')
    await bar().getByText('1 selected').waitFor()
    await rowOf(page, 'Number 3').click({ modifiers: ['Shift'] })
    await bar().getByText('4 selected').waitFor()
    await rowOf(page, 'Number 5').click({ modifiers: ['Control'] })
    await rowOf(page, 'Number 1').locator('.select-mark').click()
    assert.deepEqual(
      (await selected().allTextContents()).map((text) => /Number \d/.exec(text)?.[0]),
      ['Number 6', 'Number 4', 'Number 3', 'Number 1'],
    )
    await page.getByRole('heading', { name: 'Number 6' }).waitFor()
    await toldOfDeletion('4 selected')
    for (const theme of THEMES) {
      await chooseTheme(page, theme)
      assert.deepEqual(await seriousFindings(page), [], theme)
      await shoot(`select-${theme}`)
    }
    await page.keyboard.press('Escape')
    await bar().waitFor({ state: 'hidden' })
    await page.locator('.rows').press('Shift+ArrowDown')
    await bar().getByText('2 selected').waitFor()
    await page.locator('.rows').press('Control+a')
    await bar()
      .getByText(`${await rows().count()} selected`)
      .waitFor()
    await button('Clear the selection').click()
    assert.equal(await focused(), 'rows')
  })

  test('are selected on a phone, too', async () => {
    await openAll()
    await page.setViewportSize(PHONE)
    await rowOf(page, 'Number 4').locator('.select-mark').click()
    await rowOf(page, 'Number 2').locator('.select-mark').click()
    await bar().getByText('2 selected').waitFor()
    await shoot('select-phone')
    assert.deepEqual(await seriousFindings(page), [])
    await bar().getByRole('button', { name: 'Delete', exact: true }).click()
    await dialog().getByText('Delete 2 messages?').waitFor()
    await shoot('delete-phone')
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'hidden' })
    await button('Clear the selection').click()
    await page.setViewportSize(DESKTOP)
  })

  test('are deleted after a question with their number, sent and received alike', async () => {
    const before = await rows().count()
    await rowOf(page, 'Number 6').click()
    await page.keyboard.press('x')
    await rowOf(page, 'A question').locator('.select-mark').click()
    await page.keyboard.press('#')
    await dialog().getByText('Delete 2 messages?').waitFor()
    await shoot('delete')
    assert.deepEqual(await seriousFindings(page), [])
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'hidden' })
    assert.equal(await rows().count(), before)
    await bar().getByRole('button', { name: 'Delete', exact: true }).click()
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click()
    await dialog().waitFor({ state: 'hidden' })
    await toldOfDeletion('2 messages are deleted')
    await until('two rows less', async () => (await rows().count()) === before - 2)
    await page.getByText('Choose a message to see it here').waitFor()
    await until('the focus on the list', async () => (await focused()) === 'rows')
    await page.reload()
    await rowOf(page, 'Number 5').waitFor()
    assert.deepEqual([await rowOf(page, 'Number 6').count(), await rowOf(page, 'A question').count()], [0, 0])
    // The API of the wire still knows that it was sent.
    assert.ok((await ok(rig.resend.emails.list({ limit: 100 }))).data.some(({ subject }) => subject === ''))
  })

  test('that a filter shows are all deleted, and no other', async () => {
    await page.getByLabel('Search').fill('number')
    await rowOf(page, 'With tags').waitFor({ state: 'hidden' })
    await askToDeleteAll('Delete all that the filter shows…')
    await dialog().getByText('Delete 5 messages?').waitFor()
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByText('No message matches').waitFor()
    await button('Show all messages').click()
    await rowOf(page, 'With tags').waitFor()
    assert.equal(await rowOf(page, 'Number').count(), 0)
  })

  test('are no longer deleted once somebody stops it', async () => {
    await Promise.all(Array.from({ length: 100 }, (_, n) => send(`Many ${n}`)))
    await ended()
    let slow = true
    await page.route('**/api/emails/*', async (deletion) => {
      if (slow) await setTimeout(200)
      await deletion.continue()
    })
    await askToDeleteAll()
    await dialog()
      .getByText(/Delete 10\d messages\?/)
      .waitFor()
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click()
    await dialog().getByRole('progressbar').waitFor()
    await shoot('deleting')
    await button('Stop').click()
    await page.getByLabel('Search').click()
    await dialog().waitFor({ state: 'hidden' })
    await toldOfDeletion('deleted')
    slow = false
    await page.waitForTimeout(500)
    assert.equal(await focused(), 'input')
    assert.ok((await rows().count()) > 0)
  })

  test('are all deleted, and the page is as at the first start', async (t) => {
    await askToDeleteAll()
    await dialog()
      .getByText(/Delete \d+ messages\?/)
      .waitFor()
    const from = Date.now()
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByText('Send a message').waitFor({ timeout: 30_000 })
    t.diagnostic(`deleted in ${Date.now() - from} ms`)
    assert.notEqual(await focused(), 'BODY')
    await page.reload()
    await page.getByText('Send a message').waitFor()
    assert.deepEqual(rig.errors(), [])
  })
})
