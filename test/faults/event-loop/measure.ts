/** Asks a server that was started by server.ts, and reads how long its event loop was held. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '../../flows/support/server.ts'
import { connectSender } from '../../flows/support/smtp-sender.ts'

export const ENTRY = new URL('./server.ts', import.meta.url).pathname

const QUIET_MS = 300
const WAIT_MS = 120_000

/** Milliseconds of the processor, and of time, for which the event loop was held at most. */
type Held = { readonly cpu: number; readonly time: number }
/** `phases`: what the server did. */
export type Measured = { readonly status: number; readonly phases: Readonly<Record<string, Held>> }

export async function ask(server: Server, path: string, init: RequestInit = {}) {
  const answer = await fetch(`${server.url}${path}`, {
    ...init,
    headers: { Authorization: `Bearer ${server.apiKey}`, 'Content-Type': 'application/json' },
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

/** Answers the most since the last call. */
async function held(server: Server): Promise<Held> {
  const before = server.stdout.length
  process.kill(server.pid, 'SIGUSR2')
  while (server.stdout.length === before) await sleep(5)
  const [, cpu, time] = /^held (\d+) of (\d+)$/.exec(server.stdout.at(-1) ?? '') ?? []
  return { cpu: Number(cpu), time: Number(time) }
}

async function until<T>(work: () => Promise<T>, enough: (got: T) => boolean): Promise<T> {
  for (const end = Date.now() + WAIT_MS; ; await sleep(100)) {
    const got = await work()
    if (enough(got)) return got
    if (Date.now() > end) throw new Error('nothing has come of the input in two minutes')
  }
}

/** Sends a mail to the server and reads it. */
export async function measureMail(server: Server, raw: Uint8Array): Promise<Measured> {
  await held(server)
  const sender = await connectSender(server.smtpPort ?? 0)
  const id = await sender.send('ada@kabutar.test', raw).finally(() => sender.close())
  const accept = await held(server)
  const path = `/emails/receiving/${id}`
  await until(
    () => ask(server, `${path}/attachments`),
    ({ status }) => status === 200,
  )
  const receive = await held(server)
  await ask(server, path)
  await ask(server, '/emails/receiving?limit=1')
  await sleep(QUIET_MS)
  return { status: 250, phases: { accept, receive, show: await held(server) } }
}

/** Posts a request, waits until what it sent is sent, and reads it. */
export async function measureRequest(server: Server, path: string, body: string): Promise<Measured> {
  await held(server)
  const answer = await ask(server, path, { method: 'POST', body })
  const accept = await held(server)
  if (answer.status !== 200) return { status: answer.status, phases: { accept } }
  const sent = `/emails/${answer.body.id}`
  await until(
    () => ask(server, '/emails?limit=1'),
    ({ body: { data } }) => (data as { last_event: string }[])[0]?.last_event !== 'queued',
  )
  await sleep(QUIET_MS)
  const send = await held(server)
  await ask(server, sent)
  return { status: answer.status, phases: { accept, send, show: await held(server) } }
}
