/** Honest mail beside the attacks: a mail server that sends by SMTP, an application that sends over HTTP, and its webhooks. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import type { Server } from '../../flows/support/server.ts'
import { connectSender, type SmtpSender } from '../../flows/support/smtp-sender.ts'

/** A message is tried again for so long. */
const PATIENCE_MS = 120_000
const RETRY_MS = 500
const MAX_IN_FLIGHT = 200
const LINE = `${'x'.repeat(76)}\r\n`
/** 2 KB, or two of ten times 100 KB, which is stored in a file. */
const linesOf = (number: number) => LINE.repeat(number % 10 < 2 ? 1300 : 26)

export type Honest = {
  readonly sent: ReadonlySet<string>
  readonly received: ReadonlySet<string>
  /** Milliseconds from the first try of a message to its 200 or 250, refusals and retries included. */
  readonly times: readonly number[]
  /** Tries that were refused or lost their connection, by the answer. */
  readonly refused: Readonly<Record<string, number>>
  /** Messages that nobody accepted within two minutes. */
  readonly givenUp: number
  /** Messages that were not begun, because 200 of their kind were on their way. */
  readonly leftOut: number
  /** Begins `perSecond` messages a second, half of them by SMTP, until the signal aborts, and waits for the last answers. */
  send(perSecond: number, signal: AbortSignal): Promise<void>
}

export function honestLoad(server: Server): Honest {
  const [sent, received, times, refused] = [
    new Set<string>(),
    new Set<string>(),
    [] as number[],
    {} as Record<string, number>,
  ]
  const counts = { begun: 0, givenUp: 0, leftOut: 0 }
  const mailServer = openMailServer(server.smtpPort ?? 0)
  const untilAccepted = async (ids: Set<string>, attempt: () => Promise<string>) => {
    const began = performance.now()
    while (performance.now() - began < PATIENCE_MS) {
      try {
        ids.add(await attempt())
        return void times.push(performance.now() - began)
      } catch (error) {
        const code = /^(\d{3}) /.exec((error as Error).message)?.[1] ?? 'lost'
        refused[code] = (refused[code] ?? 0) + 1
        await sleep(RETRY_MS)
      }
    }
    counts.givenUp++
  }
  return {
    sent,
    received,
    times,
    refused,
    get givenUp() {
      return counts.givenUp
    },
    get leftOut() {
      return counts.leftOut
    },
    async send(perSecond, signal) {
      const running = [new Set<Promise<void>>(), new Set<Promise<void>>()] as const
      const from = performance.now()
      for (let ticks = 0; !signal.aborted; await sleep(10)) {
        for (; ticks < ((performance.now() - from) * perSecond) / 1000; ticks++) {
          const number = ++counts.begun
          const [way, ids, attempt] =
            ticks % 2 === 0
              ? ([running[0], received, () => mailServer.send(number)] as const)
              : ([running[1], sent, () => post(server, number)] as const)
          if (way.size >= MAX_IN_FLIGHT) {
            counts.leftOut++
            continue
          }
          const one = untilAccepted(ids, attempt).finally(() => way.delete(one))
          way.add(one)
        }
      }
      await Promise.all([...running[0], ...running[1]])
      mailServer.close()
    },
  }
}

/** The key makes a repetition after a lost answer harmless. */
async function post({ url, apiKey }: Server, number: number): Promise<string> {
  const answer = await fetch(`${url}/emails`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${apiKey}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': `honest-${number}`,
    },
    body: JSON.stringify({
      from: 'Shop <shop@kabutar.test>',
      to: `customer-${number}@y.test`,
      subject: `honest ${number}`,
      text: linesOf(number),
    }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${answer.status} ${text}`)
  return (JSON.parse(text) as { readonly id: string }).id
}

/** Sends over kept connections from four networks, and over a new one in place of each that was lost. */
function openMailServer(port: number) {
  const free: SmtpSender[] = []
  return {
    async send(number: number): Promise<string> {
      const sender = free.pop() ?? (await connectSender(port, `127.2.${number % 4}.1`))
      try {
        const id = await sender.send(
          'ada@kabutar.test',
          Buffer.from(`Subject: honest ${number}\r\n\r\n${linesOf(number)}`),
        )
        free.push(sender)
        return id
      } catch (error) {
        sender.close()
        throw error
      }
    },
    close: () => free.forEach((sender) => void sender.close()),
  }
}

export type Told = AsyncDisposable & {
  readonly url: string
  /** Deliveries whose signature was wrong. */
  readonly refused: number
  /** Requests that came for an event a second time or more. */
  readonly again: number
  trust(secret: string): void
  /** True if an event of this type and message has come. */
  has(type: string, emailId: string): boolean
}

/** An application's webhook endpoint, which remembers the events that came. */
export async function startEndpoint(): Promise<Told> {
  const events = new Map<string, Set<string>>()
  const counts = { refused: 0, requests: 0, ids: new Set<string>() }
  let webhook: Webhook | undefined
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => undefined)
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    try {
      const body = Buffer.concat(chunks).toString()
      webhook?.verify(body, request.headers as Record<string, string>)
      const { type, data } = JSON.parse(body) as { readonly type: string; readonly data: { readonly email_id: string } }
      const id = String(request.headers['svix-id'])
      const name = `${type} ${data.email_id}`
      events.set(name, (events.get(name) ?? new Set()).add(id))
      counts.ids.add(id)
      counts.requests++
      response.end('ok')
    } catch {
      counts.refused++
      response.writeHead(401).end()
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/told`,
    get refused() {
      return counts.refused
    },
    get again() {
      return counts.requests - counts.ids.size
    },
    trust(secret) {
      webhook = new Webhook(secret)
    },
    has: (type, emailId) => events.has(`${type} ${emailId}`),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
