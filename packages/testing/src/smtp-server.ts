import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { MailError } from '@kabutar/core/errors.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Backend, Content, Envelope } from '@kabutar/smtp/backend.ts'
import type { SmtpOptions, SmtpServer } from '@kabutar/smtp/server.ts'
import { createSmtpServer } from '@kabutar/smtp/server.ts'

export interface Received {
  readonly envelope: Envelope
  readonly content: Buffer
}

interface TestServer {
  readonly port: number
  readonly server: SmtpServer
  /** What was accepted, in order. */
  readonly received: Received[]
  /** What was logged as an error. */
  readonly errors: string[]
}

/** Takes every message of at most two recipients' worth of tests; `nobody@` is unknown, `crash@` a defect. */
export function keepingBackend(received: Received[]): Backend {
  return {
    async recipient(_session, address) {
      if (address.startsWith('nobody@')) throw new MailError('recipient_unknown', 'No such recipient here')
      if (address.startsWith('crash@')) throw new TypeError('a defect of ours')
    },
    async data(_session, envelope, body) {
      received.push({ envelope, content: await readAll(body) })
      return { id: envelope.id }
    },
  }
}

export async function readAll(body: Content): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks)
}

/** A listener on loopback that the test closes at its end; ids count from `1`. */
export async function start(t: TestContext, options: Partial<SmtpOptions> = {}): Promise<TestServer> {
  const received: Received[] = []
  const errors: string[] = []
  const nothing = () => {}
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: (text) => errors.push(text) }
  let last = 0
  const ids = { next: () => String(++last), secret: randomBytes }
  const server = createSmtpServer({ hostname: 'mx.test', backend: keepingBackend(received), log, ids, ...options })
  const { port }: AddressInfo = await server.listen('127.0.0.1', 0)
  t.after(() => server.close(0))
  return { port, server, received, errors }
}

/** Within a second. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.ok(condition())
}
