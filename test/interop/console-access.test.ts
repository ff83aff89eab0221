/** Who gets into the console: nobody by another name, from another page, or through a proxy; and with a key, until it is signed out. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { ok } from '../flows/support/ask.ts'
import { type Page, SHOTS, seriousFindings } from './browser.ts'
import { type ConsoleRig, chooseTheme, rowOf, startConsole, THEMES } from './console-rig.ts'

const OWN_HEADER = { 'Kabutar-Console': '1' }
const SECRET = 'a secret subject'

describe('a server that captures on loopback', () => {
  let rig: ConsoleRig
  const other = http.createServer((_request, response) =>
    response.setHeader('Content-Type', 'text/html').end('<p>other'),
  )
  before(async () => {
    await once(other.listen(0, '127.0.0.1'), 'listening')
    rig = await startConsole({}, ['--host-resolver-rules=MAP rebound.test 127.0.0.1'])
    await ok(rig.resend.emails.send({ from: 'a@kabutar.test', to: 'b@far.test', subject: SECRET, text: 'x' }))
  })
  after(async () => {
    await rig?.[Symbol.asyncDispose]()
    other.close()
    other.closeAllConnections()
  })

  test('lets the reader in without a key', async () => {
    const page = await rig.open()
    await rowOf(page, SECRET).waitFor()
    await page.close()
  })

  test('shows an open message as captured also when a filter hides its row', async () => {
    const page = await rig.open()
    await rowOf(page, SECRET).click()
    const mark = page.locator('.message-head .direction.captured')
    await mark.waitFor()
    await page.getByRole('button', { name: 'Failed', exact: true }).click()
    await rowOf(page, SECRET).waitFor({ state: 'hidden' })
    await page.waitForTimeout(500)
    assert.equal(await mark.count(), 1)
    await page.close()
  })

  test('answers nothing to a second name for the machine', async () => {
    const page = await rig.open()
    const { port } = new URL(rig.server.url)
    const answer = await page.goto(`http://rebound.test:${port}/`)
    assert.equal(answer?.status(), 403)
    assert.equal(await readBy(page, `http://rebound.test:${port}`), 'refused')
    await page.close()
  })

  test('answers nothing to a page on another port of the machine', async () => {
    const page = await rig.open()
    await rowOf(page, SECRET).waitFor()
    // The same browser has the cookie of the console.
    for (const host of ['127.0.0.1', 'localhost']) {
      await page.goto(`http://${host}:${(other.address() as AddressInfo).port}/`)
      assert.equal(await readBy(page, rig.server.url), 'refused', host)
    }
    await page.close()
  })

  test('answers nothing through a proxy', async () => {
    for (const name of ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'Via']) {
      const headers = { ...OWN_HEADER, [name]: 'for=192.0.2.1' }
      const answer = await fetch(`${rig.server.url}/api/session`, { method: 'POST', headers })
      assert.equal(answer.status, 403, name)
    }
  })
})

/** Tries as a script of `page` to open a session at `url` and to read the messages. */
async function readBy(page: Page, url: string): Promise<string> {
  return page.evaluate<string>(`(async () => {
    const options = [{}, { credentials: 'include' }, { headers: { 'Kabutar-Console': '1' }, credentials: 'include' }]
    for (const path of ['/api/session', '/session', '/api/activity', '/api/emails']) {
      for (const option of options) {
        for (const method of ['GET', 'POST']) {
          const text = await fetch('${url}' + path, { ...option, method }).then((answer) => answer.text()).catch(() => '')
          if (text.includes('loopback') || text.includes('secret')) return path + ' ' + text
        }
      }
    }
    return 'refused'
  })()`)
}

describe('a server with a smart host', () => {
  let rig: ConsoleRig
  const hop = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, done) {
      if (address.startsWith('nobody@'))
        done(Object.assign(new Error('5.1.1 There is no such pigeon'), { responseCode: 550 }))
      else done()
    },
    onData(stream, _session, done) {
      stream.resume().on('end', () => done(null, '2.0.0 Ok: queued as Q1'))
    },
  })
  before(async () => {
    hop.listen(0, '127.0.0.1')
    await once(hop.server, 'listening')
    const { port } = hop.server.address() as AddressInfo
    rig = await startConsole({ env: { KABUTAR_RELAY: `smtp://127.0.0.1:${port}`, KABUTAR_DOMAINS: 'kabutar.test' } })
  })
  after(async () => {
    await rig?.[Symbol.asyncDispose]()
    hop.close()
  })

  test('asks for a key, refuses a wrong one, and forgets the right one at sign-out', async () => {
    const page = await rig.open()
    const field = page.getByLabel('API key')
    await field.fill('re_wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').filter({ hasText: /./ }).waitFor()
    await page.screenshot({ path: join(SHOTS, 'sign-in.png') })
    for (const theme of THEMES) {
      await chooseTheme(page, theme)
      assert.deepEqual(await seriousFindings(page), [])
    }
    const { token } = await ok(rig.resend.apiKeys.create({ name: 'Web shop', permission: 'sending_access' }))
    await field.fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').filter({ hasText: 'can only send mail' }).waitFor()
    await field.fill(rig.server.apiKey)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Mail goes out through a relay').waitFor()
    await page.reload()
    await page.getByText('Mail goes out through a relay').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await field.waitFor()
    await page.reload()
    await field.waitFor()
    await page.close()
  })

  test("shows the next hop's own words in the lane of each recipient", async () => {
    const page = await rig.open()
    await page.getByLabel('API key').fill(rig.server.apiKey)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const to = ['bob@far.test', 'nobody@far.test']
    await ok(rig.resend.emails.send({ from: 'Ada <ada@kabutar.test>', to, subject: 'two fates', text: 'x' }))
    await rowOf(page, 'two fates').filter({ hasText: 'Bounced' }).waitFor()
    await rowOf(page, 'two fates').click()
    await page.getByRole('tab', { name: 'Timeline' }).click()
    await page.locator('.lane').filter({ hasText: 'bob@' }).getByText('queued as Q1').waitFor()
    await page.locator('.lane').filter({ hasText: 'nobody@' }).getByText('There is no such pigeon').waitFor()
    await page.screenshot({ path: join(SHOTS, 'two-lanes.png') })
    await page.getByRole('button', { name: 'Failed', exact: true }).click()
    await rowOf(page, 'two fates').waitFor()
    await page.close()
  })
})
