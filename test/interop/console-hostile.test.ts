/** A hostile message in the console: nothing of it runs, nothing is fetched, and the page around it stays what it is. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Page } from './browser.ts'
import { type ConsoleRig, rowOf, startConsole } from './console-rig.ts'
import { hostileHtml } from './hostile-html.ts'

/** Long enough for `meta refresh`, for animations and for whatever a style asks for late. */
const SETTLE_MS = 2500
/** How many of the ways work in a page that nothing protects; fewer would mean that the message is harmless. */
const MIN_UNPROTECTED = 30

let rig: ConsoleRig
let page: Page
let origin = ''
const asked: string[] = []
const server = http.createServer((request, response) => {
  const path = request.url ?? ''
  if (path === '/unprotected') return void response.setHeader('Content-Type', 'text/html').end(unprotected())
  if (path !== '/favicon.ico') asked.push(path)
  response.setHeader('Access-Control-Allow-Origin', '*').end()
})

/** Without the way that leaves the page before the others are tried. */
const unprotected = () => hostileHtml(origin).replace(/<meta http-equiv="refresh"[^>]*>/, '')

const message = (subject: string, html: string) =>
  [
    'From: "<img src=x onerror=alert(1)>" <eve@far.test>',
    'To: in@kabutar.test',
    `Subject: ${subject} <script>alert(1)</script>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(html).toString('base64').replace(/.{76}/g, '$&\r\n'),
    '--b',
    'Content-Type: text/html; name="<img src=x onerror=alert(2)>.html"',
    'Content-Disposition: attachment; filename="<img src=x onerror=alert(2)>.html"',
    '',
    `<script>(new Image).src='${origin}/ran/attachment'</script>`,
    '--b--',
    '',
  ].join('\r\n')

before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  rig = await startConsole()
  await rig.server.receive(message('hostile', hostileHtml(origin)), ['in@kabutar.test'])
  page = await rig.open()
})
after(async () => {
  await rig?.[Symbol.asyncDispose]()
  server.close()
  server.closeAllConnections()
})

const taken = () => asked.splice(0)

describe('a hostile message', () => {
  test('fetches and runs much where nothing holds it', async (t) => {
    const naked = await rig.open()
    taken()
    await naked.goto(`${origin}/unprotected`).catch(() => undefined)
    await naked.waitForTimeout(SETTLE_MS)
    await naked.close()
    const ways = new Set(taken())
    const ran = [...ways].filter((path) => path.startsWith('/ran/')).length
    t.diagnostic(`${ways.size} ways work without protection, ${ran} of them scripts`)
    assert.ok(ways.size >= MIN_UNPROTECTED && ran >= 5, [...ways].join(' '))
  })

  test('fetches and runs nothing in the preview, whatever its width and theme', async () => {
    const dialogs: string[] = []
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    await rowOf(page, 'hostile').click()
    await page.frameLocator('iframe.frame').getByText('Words of a stranger').waitFor()
    await page.waitForTimeout(SETTLE_MS)
    for (const name of ['Width of a phone', "The mail's own dark rules"]) {
      await page.getByRole('button', { name }).click()
      await page.waitForTimeout(SETTLE_MS)
    }
    assert.deepEqual([taken(), dialogs], [[], []])
    assert.equal(new URL(page.url()).origin, rig.server.url)
    await page.frameLocator('iframe.frame').getByText('Words of a stranger').waitFor()
  })

  test('stays text wherever the page shows it', async () => {
    for (const name of ['Text', 'Source', 'Headers', 'Attachments', 'Timeline']) {
      await page.getByRole('tab', { name, exact: true }).click()
      await page.waitForTimeout(300)
      assert.equal(
        await page.evaluate("document.querySelectorAll('#console img[src=x], #console script').length"),
        0,
        name,
      )
    }
    assert.match((await page.locator('.message-title').first().textContent()) ?? '', /<script>alert\(1\)<\/script>/)
    assert.deepEqual(taken(), [])
  })

  test('fetches images alone once they are asked for', async () => {
    await page.getByRole('tab', { name: 'Preview', exact: true }).click()
    await page.getByRole('button', { name: 'Load images' }).click()
    await page.frameLocator('iframe.frame').getByText('Words of a stranger').waitFor()
    await page.waitForTimeout(SETTLE_MS)
    const ways = [...new Set(taken())]
    assert.ok(ways.includes('/fetch/img'), ways.join(' '))
    const others =
      /css-import|font|script|ran|iframe|object|embed|form|link|refresh|video$|audio|track|ping|manifest|portal|svg-use/
    assert.deepEqual(
      ways.filter((path) => others.test(path)),
      [],
    )
  })

  test('cannot send its form, and its links open elsewhere without a way back', async () => {
    const frame = page.frameLocator('iframe.frame')
    const opened: Page[] = []
    page.on('popup', (popup) => opened.push(popup))
    // By key: the message lays an invisible sheet over itself, which takes every press of the mouse.
    for (const button of ['Send', 'A link'])
      if ((await frame.getByText(button).count()) > 0) await frame.getByText(button).press('Enter')
    await page.waitForTimeout(500)
    assert.deepEqual(
      taken().filter((path) => !path.endsWith('/link')),
      [],
    )
    assert.equal(new URL(page.url()).origin, rig.server.url)
    assert.equal(opened.length, 1)
    for (const popup of opened) {
      assert.equal(await popup.evaluate('window.opener'), null)
      await popup.close()
    }
  })

  test('is the same when its document is opened alone', async () => {
    const src = await page.locator('iframe.frame').getAttribute('src')
    await page.goto(`${rig.server.url}/#/messages`)
    const alone = await rig.open()
    taken()
    // A document without images: those of the frame before were asked for.
    await rowOf(alone, 'hostile').click()
    await alone.locator('iframe.frame').waitFor()
    const path = (await alone.locator('iframe.frame').getAttribute('src')) ?? src ?? ''
    await alone.goto(`${rig.server.url}${path}`)
    await alone.waitForTimeout(SETTLE_MS)
    assert.deepEqual(taken(), [])
    assert.equal(await alone.evaluate('self.origin'), 'null')
    await alone.close()
  })
})
