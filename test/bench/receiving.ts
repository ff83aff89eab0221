/**
 * Measures receiving as readers see it: how long after the 250 a message can be read over the API, at a steady 50 per second,
 * and the time to list and read with 1,000, 100,000 and 1,000,000 messages in one account (`MESSAGES=100000` for fewer).
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { newToken } from '@kabutar/core/accounts/keys.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { connectSender } from '../flows/support/smtp-sender.ts'
import { type Peer, quantiles, startPeer } from './measure.ts'
import { fillReceived, letterOf } from './received.ts'

const SCRIPT = new URL('./peer-receiving.ts', import.meta.url).pathname
const MOST = Number(process.env.MESSAGES ?? 1_000_000)
const PER_SECOND = 50
const STEADY = 1000
const VISIBLE_WITHIN_MS = 10_000
const READS = 500
const TARGET = 1.5

const token = newToken(uuidIds(systemClock))
const agent = new Agent({ keepAlive: true })

/** Answers the body; undefined for 404. @throws {Error} for any other status but 200 */
async function get(port: number, path: string): Promise<Buffer | undefined> {
  const outgoing = request({
    agent,
    host: '127.0.0.1',
    port,
    path,
    headers: { Authorization: `Bearer ${token}` },
  }).end()
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  const body = await buffer(answer)
  if (answer.statusCode === 404) return undefined
  if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode} ${body}`)
  return body
}

async function visible(peer: Peer): Promise<void> {
  const times: number[] = []
  const began = performance.now()
  const one = async (n: number) => {
    await sleep(Math.max(1, began + (n * 1000) / PER_SECOND - performance.now()))
    const sender = await connectSender(peer.smtpPort)
    const id = await sender.send('ada@kabutar.test', letterOf(n, 4096))
    const from = performance.now()
    while ((await get(peer.port, `/emails/receiving/${id}`)) === undefined) {
      if (performance.now() - from > VISIBLE_WITHIN_MS) throw new Error(`${id} is not to be seen`)
      await sleep(1)
    }
    times.push(performance.now() - from)
    sender.close()
  }
  await Promise.all(Array.from({ length: STEADY }, (_, n) => one(n)))
  const { p50, p99 } = quantiles(times)
  console.log(`  250 -> readable, ${PER_SECOND}/s: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
}

type Reads = Readonly<Record<'list' | 'middle' | 'get', number>>

/** Answers the median of each way to read, in ms. */
async function reads(peer: Peer, ids: readonly string[]): Promise<Reads> {
  const anyOf = (n: number) => ids[Math.floor((n * ids.length) / READS)] ?? ''
  const time = async (pathOf: (n: number) => string) => {
    const times: number[] = []
    for (let n = 0; n < READS; n++) {
      const from = performance.now()
      if ((await get(peer.port, pathOf(n))) === undefined) throw new Error(`${pathOf(n)} is not there`)
      times.push(performance.now() - from)
    }
    return quantiles(times).p50
  }
  return {
    list: await time(() => '/emails/receiving?limit=20'),
    middle: await time((n) => `/emails/receiving?limit=20&after=${anyOf(n)}`),
    get: await time((n) => `/emails/receiving/${anyOf(n)}`),
  }
}

async function grown(count: number): Promise<Reads> {
  const folder = mkdtempSync(join(tmpdir(), 'kabutar-bench-'))
  try {
    const from = performance.now()
    const ids = await fillReceived(folder, count)
    console.log(`  ${count} messages: written in ${((performance.now() - from) / 1000).toFixed(0)} s`)
    const peer = await startPeer(SCRIPT, [token, folder])
    try {
      await reads(peer, ids)
      return await reads(peer, ids)
    } finally {
      await peer.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const peer = await startPeer(SCRIPT, [token])
try {
  await visible(peer)
} finally {
  await peer.stop()
}
const few = await grown(1000)
console.log(
  `  p50 of list ${few.list.toFixed(2)} ms, from the middle ${few.middle.toFixed(2)}, get ${few.get.toFixed(2)}`,
)
for (const count of [100_000, 1_000_000].filter((count) => count <= MOST)) {
  const many = await grown(count)
  const ratios = (['list', 'middle', 'get'] as const).map(
    (way) => `${way} ${many[way].toFixed(2)} ms (${(many[way] / few[way]).toFixed(2)})`,
  )
  console.log(`  ${ratios.join(', ')}; ratio to 1,000, target <= ${TARGET}`)
}
agent.destroy()
