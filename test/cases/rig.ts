/** What the cases run against: one server that captures mail, one that relays it, and the next hop of the latter. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type GetReceivingEmailResponseSuccess, Resend } from 'resend'
import { type Server, startServer } from '../flows/support/server.ts'
import { type NextHop, type Relayed, startNextHop } from './next-hop.ts'

export type ReceivedMail = GetReceivingEmailResponseSuccess
export type Answer = {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever an answer of the API holds
  readonly json: any
}
export type CaseRig = {
  /** Captures what is sent. */
  readonly captures: Server
  /** Relays to `nextHop`. */
  readonly relays: Server
  readonly nextHop: NextHop
  /** The SDK, against `captures` or `relays`. */
  sdk(server: Server): Resend
}

export type Rig = CaseRig & AsyncDisposable

const REPLIES: readonly (readonly [RegExp, string])[] = [
  [/^RCPT TO:<grey/, '450 4.2.0 Greylisted'],
  [/^RCPT TO:<nobody/, '550-5.1.1 There is\r\n550 5.1.1 nobody here'],
  [/^RCPT TO:<moved/, '251 will forward'],
]

export async function startRig(): Promise<Rig> {
  const nextHop = await startNextHop((command) => REPLIES.find(([pattern]) => pattern.test(command))?.[1])
  const relay = { KABUTAR_RELAY: `smtp://127.0.0.1:${nextHop.port}`, KABUTAR_RELAY_HEADERS: 'on' }
  // As in a container: a listener on every interface is asked by any host name, one on loopback by its own alone.
  const open = { KABUTAR_HTTP: '0.0.0.0:0' }
  const [captures, relays] = await Promise.all([startServer({ env: open }), startServer({ env: relay })])
  return {
    captures,
    relays,
    nextHop,
    sdk: ({ apiKey, url }) => new Resend(apiKey, { baseUrl: url }),
    async [Symbol.asyncDispose]() {
      await Promise.all([captures.close(), relays.close()])
      nextHop.close()
    },
  }
}

/** A request with the server's key; `body` goes as JSON, or as it is if it is text or bytes. */
export async function api(
  server: Server,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const ready = typeof body === 'string' || body instanceof Uint8Array
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${server.apiKey}`, 'Content-Type': 'application/json', ...headers },
    ...(body !== undefined && { body: ready ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await answer.text()
  return { status: answer.status, text, json: jsonOf(text) }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export type Received = { readonly format?: 'cid' | 'data_uri' }

/** Hands a message over as SMTP would, and reads it back. */
export async function receive(server: Server, raw: Uint8Array, options: Received = {}): Promise<ReceivedMail> {
  const path = '/emails/receiving/inject?to=in@kabutar.test&from=eve@far.test'
  const { status, text, json } = await api(server, 'POST', path, raw, { 'Content-Type': 'message/rfc822' })
  if (status !== 201) throw new Error(`inject answered ${status} ${text}`)
  return readBack(server, json.id, options)
}

/** @throws {Error} if it is not there after 10 s */
export async function readBack(server: Server, id: string, { format = 'cid' }: Received = {}): Promise<ReceivedMail> {
  for (const end = Date.now() + 10_000; ; await sleep(20)) {
    const { status, text, json } = await api(server, 'GET', `/emails/receiving/${id}?html_format=${format}`)
    if (status === 200) return json
    if (status !== 404 || Date.now() > end) throw new Error(`${id} is not received: ${status} ${text}`)
  }
}

/** POST /emails to the server that relays, and what its next hop got. @throws {Error} unless it is accepted */
export async function send({ relays, nextHop }: CaseRig, email: object): Promise<Relayed> {
  const { status, text, json } = await api(relays, 'POST', '/emails', email)
  if (status !== 200) throw new Error(`POST /emails answered ${status} ${text}`)
  return nextHop.waitFor(({ from }) => from.includes(json.id))
}

/** Speaks SMTP one step at a time, each a line or octets, and answers the replies, the greeting first. */
export async function converse(server: Server, steps: readonly (string | Uint8Array)[]): Promise<readonly string[]> {
  const socket = connect(server.smtpPort ?? 0, '127.0.0.1')
  let unread = ''
  let closed = false
  socket.on('data', (chunk) => {
    unread += chunk.toString('latin1')
  })
  for (const event of ['close', 'error']) {
    socket.on(event, () => {
      closed = true
    })
  }
  const reply = async () => {
    for (const end = Date.now() + 6000; Date.now() < end; await sleep(5)) {
      const [whole] = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(unread) ?? []
      unread = unread.slice(whole?.length ?? 0)
      if (whole !== undefined) return whole.trimEnd()
      if (closed) return 'closed'
    }
    return 'no reply'
  }
  const replies = [await reply()]
  for (const step of steps) {
    if (!closed) socket.write(typeof step === 'string' ? `${step}\r\n` : step)
    replies.push(await reply())
  }
  socket.destroy()
  return replies
}

/** One message by SMTP, its octets as they are but for the dots. Answers what the server said to it, and its id. */
export async function deliver(server: Server, raw: Uint8Array): Promise<{ reply: string; id: string }> {
  const text = Buffer.from(raw).toString('latin1').replace(/^\./gm, '..')
  const data = Buffer.from(`${text}${text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1')
  const envelope = ['MAIL FROM:<eve@far.test>', 'RCPT TO:<in@kabutar.test>']
  const replies = await converse(server, ['EHLO far.test', ...envelope, 'DATA', data, 'QUIT'])
  const reply = replies[5] ?? ''
  return { reply, id: /queued as (\S+)/.exec(reply)?.[1] ?? '' }
}

/** An HTTP/1.x request as it stands; answers everything that comes back until it is quiet for `quietMs`, or closed. */
export async function rawHttp(server: Server, request: string | Uint8Array, quietMs = 150): Promise<string> {
  const { port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('error', () => socket.destroy())
  socket.setTimeout(5000, () => socket.destroy())
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    socket.setTimeout(quietMs)
  })
  socket.write(request)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}
