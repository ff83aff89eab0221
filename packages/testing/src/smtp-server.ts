import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { MailError } from '@kabutar/core/errors.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import type { Backend, Envelope, MailData } from '@kabutar/smtp/backend.ts'
import type { SmtpOptions, SmtpServer } from '@kabutar/smtp/server.ts'
import { createSmtpServer } from '@kabutar/smtp/server.ts'

export interface Received {
  readonly envelope: Envelope
  readonly content: Buffer
}

interface TestServer {
  readonly port: number
  readonly server: SmtpServer
  /** The accepted messages, in order. */
  readonly received: Received[]
  /** The messages of errors in the log. */
  readonly errors: string[]
}

/** Accepts every message into `received`. The recipient `nobody@` is unknown, and `crash@` is a defect. */
export function keepingBackend(received: Received[]): Backend {
  return {
    async recipient(_session, address) {
      if (address.startsWith('nobody@')) throw new MailError('recipient_unknown', 'No such recipient here')
      if (address.startsWith('crash@')) throw new TypeError('a defect of ours')
    },
    async data(_session, envelope, data) {
      received.push({ envelope, content: await readAll(data) })
      return { id: envelope.id }
    },
  }
}

export async function readAll(data: MailData): Promise<Buffer> {
  if (data instanceof Uint8Array) return Buffer.from(data)
  const chunks: Uint8Array[] = []
  for await (const chunk of data) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Starts a server on loopback that is closed at the end of the test. Ids count from `1`. */
export async function start(t: TestContext, options: Partial<SmtpOptions> = {}): Promise<TestServer> {
  const received: Received[] = []
  const errors: string[] = []
  const nothing = () => {}
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: (text) => errors.push(text) }
  let last = 0
  const ids = { next: () => String(++last), secret: randomBytes }
  const backend = keepingBackend(received)
  const server = createSmtpServer({ hostname: 'mx.test', backend, log, ids, clock: systemClock, ...options })
  const { port }: AddressInfo = await server.listen('127.0.0.1', 0)
  t.after(() => server.close(0))
  return { port, server, received, errors }
}

/** Waits at most a second for `condition`. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.ok(condition())
}
