/** Compares durable POST /emails (2 KB, 32 connections) with the same handler without storage and with one insert. */
import { type Load, median, postMany, startPeer } from './measure.ts'

const SCRIPT = new URL('./peer-accept.ts', import.meta.url).pathname
const ROUNDS = Number(process.env.ROUNDS ?? 5)
const REQUESTS = Number(process.env.REQUESTS ?? 6000)
const CONNECTIONS = 32
const KINDS = ['bare', 'insert', 'kabutar'] as const

const sentence = (n: number) => `Order ${n * 7919} of ${n} items is on its way to street ${n * 31}. `
const text = Array.from({ length: 40 }, (_, n) => sentence(n))
  .join('')
  .slice(0, 1900)
const body = JSON.stringify({ from: 'Shop <shop@kabutar.test>', to: 'customer@y.test', subject: 'Your order', text })

async function measure(kind: string): Promise<Load> {
  const peer = await startPeer(SCRIPT, [kind])
  try {
    const load = { port: peer.port, path: '/emails', token: peer.token, body }
    await postMany(peer, load, 2000, CONNECTIONS)
    return await postMany(peer, load, REQUESTS, CONNECTIONS)
  } finally {
    await peer.stop()
  }
}

const loads = new Map<string, Load[]>(KINDS.map((kind) => [kind, []]))
for (let round = 0; round < ROUNDS; round++) for (const kind of KINDS) loads.get(kind)?.push(await measure(kind))

const of = (kind: string, figure: keyof Load) => median((loads.get(kind) ?? []).map((load) => load[figure]))
console.log(`POST /emails, ${body.length} bytes, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${REQUESTS}, medians`)
for (const kind of KINDS) {
  const figures = [
    of(kind, 'perSecond').toFixed(0),
    of(kind, 'p50').toFixed(2),
    of(kind, 'p99').toFixed(2),
    of(kind, 'cpuMicros').toFixed(0),
  ]
  console.log(`  ${kind.padEnd(8)} ${figures[0]}/s  p50 ${figures[1]} ms  p99 ${figures[2]} ms  CPU ${figures[3]} us`)
}
const ratio = (peer: string) => (of('kabutar', 'cpuMicros') / of(peer, 'cpuMicros')).toFixed(2)
console.log(`  CPU: ${ratio('insert')} x one durable insert (target <= 1.75), ${ratio('bare')} x storing nothing`)
