/**
 * Measures messages per second and CPU per message of the SMTP listener without storage: 4 KB messages on kept sessions to a
 * backend that discards them, plain and under TLS, in turn with npm smtp-server. Each server has its own process, so that its CPU
 * is measured alone. `node test/bench/smtp-accept.ts [messages] [rounds]`
 */
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

type Figures = { perSecond: number; cpuMicros: number; rssMb: number }
const SERVERS = ['kabutar', 'smtp-server'] as const
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

async function run(server: string, over: string, sessions: number, messages: number): Promise<Figures> {
  const child = fork(path('./smtp-discard.ts'), [server, over])
  try {
    const [port] = (await once(child, 'message')) as [number]
    const load = (count: number) =>
      promisify(execFile)(
        process.execPath,
        [path('./smtp-load.ts'), port, sessions, count, 'b@y.test', 'kept', over].map(String),
      )
    await load(Math.ceil(messages / 4))
    const before = await usage()
    const { stdout } = await load(messages)
    const after = await usage()
    const cpuMicros = (after.cpu - before.cpu) / messages
    return { perSecond: messages / Number(stdout), cpuMicros, rssMb: after.rss / 1_048_576 }
  } finally {
    child.kill()
  }
  async function usage(): Promise<{ cpu: number; rss: number }> {
    child.send('usage')
    const [answer] = (await once(child, 'message')) as [{ cpu: number; rss: number }]
    return answer
  }
}

const [messages = 20_000, rounds = 3] = process.argv.slice(2).map(Number)
console.log('server      over   sessions   messages/s   CPU us/message   RSS MB')
for (const [over, sessions] of [
  ['plain', 10],
  ['plain', 50],
  ['tls', 50],
] as const) {
  for (let round = 0; round < rounds; round++) {
    for (const server of SERVERS) {
      const { perSecond, cpuMicros, rssMb } = await run(server, over, sessions, messages)
      const cells = [perSecond.toFixed(0).padStart(12), cpuMicros.toFixed(1).padStart(16), rssMb.toFixed(0).padStart(8)]
      console.log(`${server.padEnd(12)}${over.padEnd(5)}${String(sessions).padStart(10)} ${cells.join(' ')}`)
    }
  }
}
