/**
 * Hundreds of connections that dribble, stay silent, never read, or push as much as they can, against the real server
 * process: its memory stays bounded, and whoever else sends is served meanwhile.
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
import { besiege, type Hostile } from './siege.ts'

const CONNECTIONS = 500
/** Over the most that honest mail took. */
const MOST_GROWTH_MB = 50
/** The backlog of a flood is received first. */
const BACKLOG_MS = 120_000
/** For one message of others, on a connection of its own; and how many of them at least, since those who besiege us need the machine too. */
const MOST_MS = 5000
const FEWEST = 3
const HOSTILE_MS = 6000
const WARM_MESSAGES = 40_000
const MB = 1024 * 1024

const EHLO = 'EHLO far.test\r\n'
const DATA = `${EHLO}MAIL FROM:<eve@far.test>\r\nRCPT TO:<ada@kabutar.test>\r\nDATA\r\n`
const at = (text: string, turn: number) => text.slice(turn % text.length, (turn % text.length) + 1)
const whole = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(64))

const DRIBBLERS: Readonly<Record<string, Hostile>> = {
  'say an octet at a time': (socket, turn) => socket.write(at(EHLO, turn)),
  'say a line without an end': (socket, turn) => socket.write(turn === 0 ? 'NOOP '.repeat(300) : 'x'),
  'send a message octet by octet': (socket, turn) => socket.write(turn === 0 ? DATA : at('x\r\n', turn)),
  'stop within a message': (socket, turn) => turn === 0 && socket.write(`${DATA}${'x'.repeat(60)}\r\n`),
}
const MESSAGE = `MAIL FROM:<eve@far.test>\r\nRCPT TO:<ada@kabutar.test>\r\nDATA\r\nSubject: flood\r\n\r\n${'x\r\n'.repeat(1300)}.\r\n`
const FLOODS: Readonly<Record<string, Hostile>> = {
  'push messages without an end': (socket, turn) => {
    if (turn === 0) socket.write(DATA)
    else if (!socket.writableNeedDrain && turn < 10) socket.write(whole)
  },
  'send whole messages without waiting': (socket, turn) => {
    if (turn === 0) socket.write(EHLO)
    if (!socket.writableNeedDrain) socket.write(MESSAGE)
  },
  'ask and never read the answers': (socket, turn) => {
    if (turn === 0) socket.pause().write(EHLO)
    if (!socket.writableNeedDrain) socket.write('RSET\r\n'.repeat(5000))
  },
  'connect again and again': (socket) => socket.destroy(),
}
/** The header of a record of 16 KB, as a handshake begins, and an octet of it. */
const RECORD = Buffer.from([0x16, 0x03, 0x01, 0x40, 0x00, 0x01])
const SILENT: Readonly<Record<string, Hostile>> = { 'say nothing': () => undefined }
const HANDSHAKES: Readonly<Record<string, Hostile>> = {
  'stop within a handshake': (socket, turn) =>
    socket.write(turn === 0 ? `${EHLO}STARTTLS\r\n` : RECORD.subarray(turn - 1, turn)),
}
type Kind = { readonly name: string; readonly hostile: Hostile; readonly tls: boolean }
const kinds = (hostiles: Readonly<Record<string, Hostile>>, tls = false): readonly Kind[] =>
  Object.entries(hostiles).map(([name, hostile]) => ({ name: tls ? `${name}, under TLS` : name, hostile, tls }))
/** Each with a server of its own. */
const SIEGES: Readonly<Record<string, readonly Kind[]>> = {
  'that hold their connections, one kind after the other': [
    ...kinds({ ...SILENT, ...DRIBBLERS, ...HANDSHAKES }),
    ...kinds(SILENT, true),
  ],
  ...Object.fromEntries([...kinds(FLOODS), ...kinds(FLOODS, true)].map((kind) => [`that ${kind.name}`, [kind]])),
}

const letter = (n: number) =>
  Buffer.from(`From: a@far.test\r\nSubject: meanwhile ${n}\r\n\r\n${'text\r\n'.repeat(700)}`)

/** Messages of others, each on a new connection. Answers the ids and the longest time that one took. */
async function sendMeanwhile(port: number, until: Promise<unknown>) {
  const ids: string[] = []
  let longestMs = 0
  let ended = false
  void until.then(() => {
    ended = true
  })
  for (; !ended; await sleep(20)) {
    const from = performance.now()
    const sender = await connectSender(port)
    ids.push(await sender.send('ada@kabutar.test', letter(ids.length)))
    sender.close()
    longestMs = Math.max(longestMs, performance.now() - from)
  }
  return { ids, longestMs }
}

/** The most memory that the process has while `during` runs, in MB. */
async function peakMb(pid: number, during: Promise<unknown>): Promise<number> {
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid))
  }, 50)
  await during.finally(() => clearInterval(timer))
  return peak / MB
}

/**
 * Mail at full speed, and all of it received, over 50 honest connections. Heap and page cache grow with the first tens of
 * thousands of messages, whoever is connected, and V8 gives back while idle what it takes again: so a flood is held against
 * the most that the process took for a busy day.
 */
async function warmUp(server: Server): Promise<void> {
  let left = WARM_MESSAGES
  const work = async () => {
    const sender = await connectSender(server.smtpPort ?? 0)
    let last = ''
    for (let n = left--; n > 0; n = left--) last = await sender.send('ada@kabutar.test', letter(n))
    sender.close()
    return last
  }
  const last = await Promise.all(Array.from({ length: 50 }, work))
  for (const id of last) await untilReceived(server, id, BACKLOG_MS)
}

/** Besieges a server that has worked. Answers the most memory it had meanwhile in MB, and what others had of it. */
async function endure({ pid, smtpPort: port = 0 }: Server, hostile: Hostile, tls: boolean) {
  const siege = besiege(port, CONNECTIONS, hostile, { tls })
  try {
    const others = sendMeanwhile(port, sleep(HOSTILE_MS))
    return { peak: await peakMb(pid, others), ...(await others), opened: siege.opened, heard: siege.heard }
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

for (const [siege, kindsOfIt] of Object.entries(SIEGES))
  describe(`${CONNECTIONS} ${siege}`, () => {
    let server: Server
    let busy = 0
    before(async () => {
      server = await startServer({ env: TLS })
      busy = await peakMb(server.pid, warmUp(server))
    })
    after(async () => {
      await server?.close()
    })

    for (const { name, hostile, tls } of kindsOfIt)
      test(`${name}: memory is bounded, and others are served`, async (t) => {
        const { peak, ids, longestMs, opened, heard } = await endure(server, hostile, tls)
        t.diagnostic(`${opened} connections: at most ${peak.toFixed(0)} MB, on a busy day ${busy.toFixed(0)} MB`)
        t.diagnostic(`${ids.length} messages of others meanwhile, ${longestMs.toFixed(0)} ms at most`)
        assert.ok(heard >= (tls ? DEFAULT_LIMITS.securedConnections : CONNECTIONS), `${heard} were heard`)
        assert.ok(peak <= busy + MOST_GROWTH_MB, `${peak} MB, ${busy} MB before`)
        assert.ok(ids.length >= FEWEST && longestMs <= MOST_MS, `${ids.length} in ${longestMs} ms`)
        for (const [n, id] of ids.entries()) {
          await untilReceived(server, id, BACKLOG_MS)
          assert.ok((await rawOf(server, id)).equals(letter(n)))
        }
        assert.deepEqual(readdirSync(join(server.dataFolder, 'blobs', 'unfinished')), [])
      })

    test('afterwards the server stops as ever', async () => {
      assert.equal(await server.stop(), 0)
    })
  })

test('a full listener makes room', async () => {
  await using server = await startServer()
  const port = server.smtpPort ?? 0
  const siege = besiege(port, DEFAULT_LIMITS.connections, () => undefined)
  await sleep(DEFAULT_LIMITS.patienceMs + 1000)
  const { ids, longestMs } = await sendMeanwhile(port, sleep(1000))
  await siege.end()
  assert.ok(ids.length >= FEWEST && longestMs <= MOST_MS, `${ids.length} in ${longestMs} ms`)
})
