/** Draws the pictures of docs/console.md: `UPDATE=1` writes them there, otherwise they are output of the test. */
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ok } from '../flows/support/ask.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../flows/support/webhook-receiver.ts'
import { type Page, SHOTS } from './browser.ts'
import { type ConsoleRig, chooseTheme, rowOf, startConsole } from './console-rig.ts'

const FOLDER = process.env.UPDATE === '1' ? join(import.meta.dirname, '../../docs/console') : SHOTS
const HTML = `<!doctype html><style>
  body { margin: 0; background: #f3f1ec; color: #1f2328; font: 16px/1.6 sans-serif }
  .card { max-width: 480px; margin: 28px auto; padding: 28px 32px; border-radius: 12px; background: #fff }
  .code { display: inline-block; padding: 8px 20px; border-radius: 8px; background: #e1f0ed; font: 600 24px monospace; letter-spacing: 4px }
  @media (prefers-color-scheme: dark) { body { background: #15181b; color: #e8eaec } .card { background: #1c2024 } .code { background: #1d3a37 } }
</style><div class="card"><h2>Confirm it is you</h2><p>Hello Dilnoza, enter this code to sign in:</p>
<p class="code">482 913</p><p>It is valid for ten minutes.</p><img src="https://pictures.example/footer.png" alt="" width="1" height="1"></div>`

let rig: ConsoleRig
let receiver: WebhookReceiver
before(async () => {
  rig = await startConsole()
  receiver = await startWebhookReceiver()
})
after(async () => {
  await receiver?.[Symbol.asyncDispose]()
  await rig?.[Symbol.asyncDispose]()
})

const draw = (page: Page, name: string) => page.screenshot({ path: join(FOLDER, `${name}.png`) })
const from = 'Kabutar Shop <shop@kabutar.test>'

/** A morning of a shop: what it sent, what came back, and an address that is suppressed. */
async function fill(): Promise<void> {
  const url = receiver.url('/hooks/mail')
  const { id } = await ok(rig.resend.webhooks.create({ endpoint: url, events: ['email.delivered', 'email.received'] }))
  receiver.trust('/hooks/mail', (await ok(rig.resend.webhooks.get(id))).signing_secret)
  await suppress('old@customer.example')
  await rig.server.receive(
    'From: Jasur <jasur@customer.example>\r\nTo: help@kabutar.test\r\nSubject: Where is my order?\r\n\r\nIt has been a week.\r\n',
    ['help@kabutar.test'],
  )
  const sent: readonly (readonly [string, string | readonly string[], string])[] = [
    [
      'Your weekly letter',
      ['malika@customer.example', 'old@customer.example'],
      '<p>Three new patterns, and the story of the loom</p>',
    ],
    ['We miss you', 'old@customer.example', '<p>Your basket is still here</p>'],
    ['Your order has left Samarkand', 'jasur@customer.example', '<p>It will be with you on Thursday</p>'],
    ['Invoice 2026-117', 'accounts@customer.example', '<p>You find the invoice attached</p>'],
    ['Your code is 482 913', 'Dilnoza <dilnoza@customer.example>', HTML],
  ]
  for (const [subject, to, html] of sent) {
    if (html === HTML) {
      await receiver.waitFor('/hooks/mail', ({ length }) => length >= 4)
      receiver.script('/hooks/mail', [503])
    }
    const attachments = subject.startsWith('Invoice') ? [{ filename: 'invoice.pdf', content: 'JVBERg==' }] : []
    await ok(rig.resend.emails.send({ from, to: [to].flat(), subject, html, attachments }))
  }
}

async function suppress(address: string): Promise<void> {
  const headers = { Authorization: `Bearer ${rig.server.apiKey}`, 'Content-Type': 'application/json' }
  const body = JSON.stringify({ email: address, origin: 'manual' })
  await fetch(`${rig.server.url}/suppressions`, { method: 'POST', headers, body })
}

describe('the pictures of the console', () => {
  test('are drawn', async () => {
    const page = await rig.open()
    await page.getByText('Send a message').waitFor()
    await draw(page, 'empty')
    await fill()
    await rowOf(page, 'Where is my order').waitFor()
    await rowOf(page, 'Your code').click()
    await page.frameLocator('iframe.frame').getByText('482 913').waitFor()
    await draw(page, 'preview')
    await page.getByRole('tab', { name: 'Timeline' }).click()
    await page.locator('.delivery').first().locator('summary').click()
    await page.getByText('Attempt 1: 503').waitFor()
    await page.getByRole('button', { name: 'Replay' }).click()
    await page.getByText('Attempt 2: 200').waitFor()
    await page.waitForTimeout(6000)
    await draw(page, 'timeline')
    await chooseTheme(page, 'dark')
    await page.goto(`${rig.server.url}/#/messages`)
    await rowOf(page, 'weekly letter').click()
    await page.getByRole('tab', { name: 'Timeline' }).click()
    await page.locator('.lane').filter({ hasText: 'old@' }).getByText('Suppressed').waitFor()
    await draw(page, 'dark')
    await chooseTheme(page, 'light')
    await page.goto(`${rig.server.url}/#/webhooks`)
    await page
      .getByText(/hooks\/mail/)
      .first()
      .click()
    await page.waitForTimeout(800)
    await draw(page, 'webhooks')
    await page.setViewportSize({ width: 390, height: 520 })
    await page.goto(`${rig.server.url}/#/messages`)
    await rowOf(page, 'Your code').waitFor()
    await draw(page, 'narrow')
    for (const name of ['domains', 'keys', 'suppressions', 'dead-letters', 'health']) {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto(`${rig.server.url}/#/${name}`)
      await page.waitForTimeout(500)
      await page.screenshot({ path: join(SHOTS, `page-${name}.png`) })
    }
  })
})
