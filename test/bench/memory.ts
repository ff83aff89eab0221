/** Measures by how much the server's resident memory grows over the last 90,000 of 100,000 messages of 4 KB, sent over HTTP. */
import { setTimeout as sleep } from 'node:timers/promises'
import { postMany, residentBytes, startPeer } from './measure.ts'
import { orderOf } from './order.ts'
import { startSink } from './sink.ts'

const SCRIPT = new URL('./peer-relay.ts', import.meta.url).pathname
const STEP = 10_000
const MESSAGES = Number(process.env.MESSAGES ?? 100_000)
/** So many messages are accepted before the next hop must have them all, so that a backlog is part of the load. */
const BACKLOG = 2000
const TARGET_MB = 20
const SETTLE_MS = 2000

const sink = await startSink()
const peer = await startPeer(SCRIPT, ['kabutar', String(sink.port)])
const megabytes: number[] = []
try {
  for (let done = 0; done < MESSAGES; ) {
    const load = { port: peer.port, path: '/emails', token: peer.token, body: JSON.stringify(orderOf(done)) }
    await postMany(peer, load, BACKLOG, 32)
    done += BACKLOG
    await sink.waitFor(done)
    if (done % STEP > 0) continue
    await sleep(SETTLE_MS)
    megabytes.push(residentBytes(peer.child.pid ?? 0) / 1_048_576)
    console.log(`  after ${done} messages ${megabytes.at(-1)?.toFixed(1)} MB resident`)
  }
} finally {
  await peer.stop()
  sink.stop()
}
const growth = (megabytes.at(-1) ?? 0) - (megabytes[0] ?? 0)
console.log(`  grew by ${growth.toFixed(1)} MB from ${STEP} to ${MESSAGES} messages (target <= ${TARGET_MB})`)
