/**
 * Measures how long one input holds the event loop of the server: mail of strangers and requests of a key, the worst that
 * are known and the largest that are honest. `ALL=1` tries all of them, `ONLY=name` some; otherwise those that took longest.
 * Each takes below 250 ms of the processor on an idle machine; the bound here is one for a busy machine. The table has that
 * time, and after the slash the time that has passed.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { startDnsServer } from '../flows/support/dns-server.ts'
import { startServer } from '../flows/support/server.ts'
import { startSmtpPeer } from '../flows/support/smtp-peer.ts'
import { MAIL_BOMBS } from './event-loop/mail-bombs.ts'
import { ask, ENTRY, type Measured, measureMail, measureRequest } from './event-loop/measure.ts'
import { REQUESTS } from './event-loop/requests.ts'

const BOUND_MS = 500
const { ALL, ONLY } = process.env

const SHORT: readonly string[] = [
  '999 names of encoded words',
  '1,000,000 addresses',
  'HTML: 2 MB of nested tables',
  'utf-7',
  'JSON: 4,000,000 keys',
  'HTML: 838,000 div',
  'HTML: 38 MB',
  'text: 38 MB of line ends',
  'a file of 29 MB in base64',
  'an attached message of 28 MB',
  'a message of 40 MB to inject',
]

const chosen = <T>(inputs: Readonly<Record<string, () => T>>) =>
  Object.entries(inputs).filter(([name]) => ALL || (ONLY === undefined ? SHORT.includes(name) : name.includes(ONLY)))

function check(t: TestContext, name: string, bytes: number, { status, phases }: Measured): void {
  const megabytes = `${(bytes / 1e6).toFixed(1)} MB`
  const shown = Object.entries(phases).map(([phase, { cpu, time }]) => `${phase} ${`${cpu}/${time}`.padStart(8)}`)
  t.diagnostic([name.padEnd(36), megabytes.padStart(8), status, ...shown].join('  '))
  for (const { cpu } of Object.values(phases)) assert.ok(cpu < BOUND_MS, `${name}: ${cpu} ms`)
}

describe('the event loop is not held long', { timeout: 1_800_000 }, () => {
  test('by mail', async (t) => {
    await using server = await startServer({ entry: ENTRY })
    for (const [name, textOf] of chosen(MAIL_BOMBS)) {
      const raw = Buffer.from(textOf(), 'latin1')
      check(t, name, raw.length, await measureMail(server, raw))
    }
    assert.equal((await ask(server, '/health')).status, 200)
  })

  test('by requests', async (t) => {
    await using server = await startServer({ entry: ENTRY })
    for (const [name, requestOf] of chosen(REQUESTS)) {
      const { path = '/emails', body } = requestOf()
      check(t, name, body.length, await measureRequest(server, path, body))
    }
  })

  test('by requests whose mail is signed for a smart host', async (t) => {
    await using peer = await startSmtpPeer()
    await using dns = await startDnsServer()
    await using server = await startServer({ entry: ENTRY, dns, env: { KABUTAR_RELAY: peer.url } })
    const { body: domain } = await ask(server, '/domains', { method: 'POST', body: '{"name":"signed.test"}' })
    await server.publish(domain.records as never)
    await ask(server, `/domains/${domain.id}/verify`, { method: 'POST' })
    for (const [name, requestOf] of chosen(REQUESTS)) {
      const { path = '/emails', body: unsigned } = requestOf()
      const body = unsigned.replace('"from":"ada@kabutar.test"', '"from":"ada@signed.test"')
      if (path === '/emails') check(t, name, body.length, await measureRequest(server, path, body))
    }
    assert.ok(peer.received().every(({ raw }) => raw.includes('DKIM-Signature: ')))
    assert.ok(peer.received().length > 0)
  })
})
