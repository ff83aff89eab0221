/**
 * Measures messages per second end to end, from the first submission to the last receipt: accepted over HTTP, stored, relayed
 * and recorded by the server, against a bare nodemailer pool that sends the same messages to the same next hop.
 */
import { cpuMicros, median, type Peer, postMany, startPeer } from './measure.ts'
import { orderOf } from './order.ts'
import { type Sink, startSink } from './sink.ts'

const SCRIPT = new URL('./peer-relay.ts', import.meta.url).pathname
const ROUNDS = Number(process.env.ROUNDS ?? 5)
const MESSAGES = Number(process.env.MESSAGES ?? 3000)
const CONNECTIONS = 32
const KINDS = ['nodemailer', 'kabutar'] as const
type Figures = { readonly perSecond: number; readonly cpuMicros: number; readonly acceptedPerSecond: number }

async function submit(kind: string, peer: Peer, count: number): Promise<number> {
  if (kind === 'nodemailer') {
    await fetch(`http://127.0.0.1:${peer.port}`, { method: 'POST', body: String(count) })
    return 0
  }
  const load = { port: peer.port, path: '/emails', token: peer.token, body: JSON.stringify(orderOf(count)) }
  return (await postMany(peer, load, count, CONNECTIONS)).perSecond
}

async function measure(kind: string, sink: Sink): Promise<Figures> {
  const peer = await startPeer(SCRIPT, [kind, String(sink.port)])
  const pid = peer.child.pid ?? 0
  try {
    const before = (await sink.received()).count
    await submit(kind, peer, 500)
    await sink.waitFor(before + 500)
    const [cpu, from] = [cpuMicros(pid), Date.now()]
    const acceptedPerSecond = await submit(kind, peer, MESSAGES)
    const { lastAt } = await sink.waitFor(before + 500 + MESSAGES)
    const cpuOfAll = cpuMicros(pid) - cpu
    return { perSecond: (MESSAGES * 1000) / (lastAt - from), cpuMicros: cpuOfAll / MESSAGES, acceptedPerSecond }
  } finally {
    await peer.stop()
  }
}

const sink = await startSink()
const figures = new Map<string, Figures[]>(KINDS.map((kind) => [kind, []]))
try {
  for (let round = 0; round < ROUNDS; round++)
    for (const kind of KINDS) figures.get(kind)?.push(await measure(kind, sink))
} finally {
  sink.stop()
}
const of = (kind: string, figure: keyof Figures) => median((figures.get(kind) ?? []).map((one) => one[figure]))
console.log(`Relay end to end, ${ROUNDS} rounds of ${MESSAGES} messages of 4 KB, medians`)
for (const kind of KINDS)
  console.log(`  ${kind.padEnd(10)} ${of(kind, 'perSecond').toFixed(0)}/s  CPU ${of(kind, 'cpuMicros').toFixed(0)} us`)
console.log(`  accepted in that time at ${of('kabutar', 'acceptedPerSecond').toFixed(0)}/s`)
const ratio = (figure: keyof Figures) => (of('kabutar', figure) / of('nodemailer', figure)).toFixed(2)
console.log(`  ${ratio('perSecond')} x the pool's rate (target >= 0.5), ${ratio('cpuMicros')} x its CPU`)
