/**
 * 500 connections that dribble, stay silent, never read, or push as much as they can, against the real server process: it
 * stays alive, its memory stays bounded, and other senders are served in the meantime. HOSTILE_SECONDS=6 besieges it longer.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_LIMITS } from '@kabutar/smtp/limits.ts'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { residentBytes } from '../bench/measure.ts'
import { rawOf, untilReceived } from '../flows/support/inbox.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { connectSender } from '../flows/support/smtp-sender.ts'
import { DRIBBLERS, FLOODS, HANDSHAKES, SILENT } from './hostile/floods.ts'
import { besiege, type Hostile } from './siege.ts'

const CONNECTIONS = 500
/** Memory over the most that honest mail took. */
const MAX_GROWTH_MB = 300
/** What a flood sent is received before what others send after it. */
const BACKLOG_MS = 120_000
/** For one message of another sender, on a connection of its own, while the hostile peers need the machine too. Senders wait for minutes. */
const MAX_MS = 60_000
const MIN_MESSAGES = 3
const HOSTILE_MS = Number(process.env.HOSTILE_SECONDS ?? 3) * 1000
/** For all hostile peers to be heard, where each needs a TLS handshake. */
const HEARD_MS = 60_000
const WARM_MESSAGES = 6000
const MB = 1024 * 1024

type Kind = { readonly name: string; readonly hostile: Hostile; readonly tls: boolean }
const kinds = (hostiles: Readonly<Record<string, Hostile>>, tls = false): readonly Kind[] =>
  Object.entries(hostiles).map(([name, hostile]) => ({ name: tls ? `${name}, under TLS` : name, hostile, tls }))
/** Each group has a server of its own. */
const GROUPS: readonly (readonly Kind[])[] = [
  [...kinds({ ...SILENT, ...DRIBBLERS, ...HANDSHAKES }), ...kinds(SILENT, true)],
  ...[...kinds(FLOODS), ...kinds(FLOODS, true)].map((kind) => [kind]),
]

const letter = (n: number) => Buffer.from(`From: a@far.test\r\nSubject: honest ${n}\r\n\r\n${'text\r\n'.repeat(700)}`)

/** Sends messages until `isDone`, each on a new connection. Answers their ids and the longest time that one took. */
async function sendHonestly(port: number, isDone: () => boolean) {
  const ids: string[] = []
  let longestMs = 0
  for (; ids.length < MIN_MESSAGES || !isDone(); await sleep(20)) {
    const from = performance.now()
    const sender = await connectSender(port)
    ids.push(await sender.send('ada@kabutar.test', letter(ids.length)))
    sender.close()
    longestMs = Math.max(longestMs, performance.now() - from)
  }
  return { ids, longestMs }
}

/** True from `ms` after the call on. */
function passed(ms: number): () => boolean {
  const until = performance.now() + ms
  return () => performance.now() >= until
}

/** Measures the most memory that the process has while `during` runs, in MB. */
async function peakMb(pid: number, during: Promise<unknown>): Promise<number> {
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid))
  }, 50)
  await during.finally(() => clearInterval(timer))
  return peak / MB
}

/**
 * Sends mail at full speed over 50 honest connections, and waits until all of it is received. A flood is compared with the
 * memory of a busy day, since heap and page cache grow with the first thousands of messages, whichever peers are connected.
 */
async function warmUp(server: Server): Promise<void> {
  let left = WARM_MESSAGES
  const work = async (network: number) => {
    const sender = await connectSender(server.smtpPort ?? 0, `127.2.${network}.1`)
    let last = ''
    for (let n = left--; n > 0; n = left--) last = await sender.send('ada@kabutar.test', letter(n))
    sender.close()
    return last
  }
  const last = await Promise.all(Array.from({ length: 50 }, (_, n) => work(n % 5)))
  for (const id of last) await untilReceived(server, id, BACKLOG_MS)
}

/** Besieges a server, and sends honest mail in the meantime. Answers the most memory of the server in MB. */
async function endure({ pid, smtpPort: port = 0 }: Server, hostile: Hostile, tls: boolean) {
  const siege = besiege(port, CONNECTIONS, hostile, { tls })
  try {
    const [isOver, isLate] = [passed(HOSTILE_MS), passed(HEARD_MS)]
    const honest = sendHonestly(port, () => isOver() && (siege.heard >= CONNECTIONS || isLate()))
    return { peak: await peakMb(pid, honest), ...(await honest), opened: siege.opened, heard: siege.heard }
  } finally {
    await siege.end()
  }
}

const folder = mkdtempSync(join(tmpdir(), 'kabutar-tls-'))
const TLS = { KABUTAR_TLS_KEY: join(folder, 'key.pem'), KABUTAR_TLS_CERT: join(folder, 'cert.pem') }
before(() => {
  const { key, cert } = selfSigned('mx.kabutar.test')
  writeFileSync(TLS.KABUTAR_TLS_KEY, key, { mode: 0o600 })
  writeFileSync(TLS.KABUTAR_TLS_CERT, cert)
})
after(() => rmSync(folder, { recursive: true, force: true }))

for (const group of GROUPS)
  describe(`${CONNECTIONS} hostile connections`, () => {
    let server: Server
    let busy = 0
    before(async () => {
      server = await startServer({ env: TLS })
      busy = await peakMb(server.pid, warmUp(server))
    })
    after(async () => {
      await server?.close()
    })

    for (const { name, hostile, tls } of group)
      test(`that ${name}: memory is bounded, and others are served`, async (t) => {
        const { peak, ids, longestMs, opened, heard } = await endure(server, hostile, tls)
        t.diagnostic(`${opened} connections: at most ${peak.toFixed(0)} MB, on a busy day ${busy.toFixed(0)} MB`)
        t.diagnostic(`${ids.length} messages of others, ${longestMs.toFixed(0)} ms at most`)
        assert.ok(heard >= CONNECTIONS, `${heard} were heard`)
        assert.ok(peak <= busy + MAX_GROWTH_MB, `${peak} MB, ${busy} MB before`)
        assert.ok(longestMs <= MAX_MS, `${longestMs} ms`)
        for (const [n, id] of ids.entries()) {
          await untilReceived(server, id, BACKLOG_MS)
          assert.ok((await rawOf(server, id)).equals(letter(n)))
        }
        assert.deepEqual(readdirSync(join(server.dataFolder, 'blobs', 'unfinished')), [])
      })

    test('afterwards the server stops cleanly', async () => {
      assert.equal(await server.stop(), 0)
    })
  })

describe('a siege', () => {
  const silent: Hostile = () => undefined

  test('from one address holds no more than the share of an address', async () => {
    await using server = await startServer({ env: { KABUTAR_LOG: 'error' } })
    const port = server.smtpPort ?? 0
    const siege = besiege(port, CONNECTIONS, silent, { addressOf: () => '127.1.1.1' })
    let most = 0
    const looking = setInterval(() => {
      most = Math.max(most, siege.greeted)
    }, 20)
    const { longestMs } = await sendHonestly(port, passed(HOSTILE_MS))
    clearInterval(looking)
    const { opened } = siege
    await siege.end()
    assert.ok(opened > 2 * CONNECTIONS, `${opened} connections`)
    // Those that give way to new ones are open for a moment more.
    const { connectionsPerAddress } = DEFAULT_LIMITS
    assert.ok(most >= connectionsPerAddress && most <= 2 * connectionsPerAddress, `${most} were held`)
    assert.ok(longestMs <= MAX_MS, `${longestMs} ms`)
  })

  test('that fills the server makes room for others', async () => {
    await using server = await startServer()
    const port = server.smtpPort ?? 0
    const siege = besiege(port, DEFAULT_LIMITS.connections, silent)
    await sleep(DEFAULT_LIMITS.minRestMs + 1000)
    const { longestMs } = await sendHonestly(port, passed(1000))
    await siege.end()
    assert.ok(siege.heard >= DEFAULT_LIMITS.connections, `${siege.heard} were heard`)
    assert.ok(longestMs <= MAX_MS, `${longestMs} ms`)
  })

  test('that shares the address of a sender makes room for it', async () => {
    await using server = await startServer()
    const port = server.smtpPort ?? 0
    const siege = besiege(port, DEFAULT_LIMITS.connectionsPerAddress, silent, { addressOf: () => '127.0.0.1' })
    await sleep(DEFAULT_LIMITS.minRestMs + 1000)
    const { longestMs } = await sendHonestly(port, () => true)
    await siege.end()
    assert.ok(longestMs <= MAX_MS, `${longestMs} ms`)
  })
})
