/**
 * A smart host: pooled SMTP connections over nodemailer. The pool is driven directly and not through its mailer, which
 * would compose the message anew: the bytes are ours, only line ends and dots are mended on the wire.
 * A 250 means that the next hop took responsibility; what becomes of the message comes as a notification later.
 */
import { isAscii } from 'node:buffer'
import { isIP } from 'node:net'
import { Readable } from 'node:stream'
import {
  type Relay,
  type RelayEnvelope,
  RelayError,
  type RelayOptions,
  type RelayResult,
} from '@kabutar/core/ports/relay.ts'
import { checkRelay } from '@kabutar/core/ports/relay-rules.ts'
import SMTPPool, { type SMTPPoolOptions } from 'nodemailer/lib/smtp-pool'
import { rejectionOf, relayErrorOf, relayIdOf, type SmtpFailure } from './smtp-reply.ts'

export type SmtpRelayOptions = {
  /** What we call ourselves in EHLO; the machine's name unless told. */
  readonly name?: string
  /** Connections at once. @default 10 */
  readonly maxConnections?: number
  /** Messages waiting or under way; more are `throttled`. @default 1000 */
  readonly maxPending?: number
  readonly maxRawBytes?: number
  readonly maxRecipients?: number
  /** Must the session be encrypted? @default yes if there is a password and the host is not this machine */
  readonly requireTls?: boolean
  /** Must the certificate be valid? @default yes for `smtps:` and where encryption is required */
  readonly verifyCertificate?: boolean
  /** To connect, greet and encrypt. @default 30 s */
  readonly connectTimeoutMs?: number
  /** Of silence. @default 10 min, as RFC 5321 section 4.5.3.2.6 wants after the final dot */
  readonly replyTimeoutMs?: number
}

const CHUNK_BYTES = 64 * 1024

/** `url`: `smtp://` or `smtps://`, with user, password and port where needed. @throws {TypeError} if it is none */
export function smtpRelay(url: URL, options: SmtpRelayOptions = {}): Relay {
  const { maxPending = 1000, maxRawBytes = 40 * 1024 * 1024, maxRecipients = 100 } = options
  const limits = { maxRawBytes, maxRecipients }
  const pool = new SMTPPool(poolOptions(url, options))
  return {
    limits,
    async send(envelope, raw, sending) {
      checkRelay(limits, envelope, raw, sending.signal)
      if (pool.pendingCount() >= maxPending) throw new RelayError('throttled', `${maxPending} messages are under way`)
      return transmit(pool, envelope, raw, sending)
    },
    async close() {
      pool.close()
    },
  }
}

function poolOptions(url: URL, options: SmtpRelayOptions): SMTPPoolOptions {
  const secure = url.protocol === 'smtps:'
  if (!(secure || url.protocol === 'smtp:') || !url.hostname)
    throw new TypeError('a relay is smtp://host or smtps://host')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const requireTLS = !secure && (options.requireTls ?? (url.password !== '' && !isThisMachine(host)))
  const { connectTimeoutMs = 30_000, replyTimeoutMs = 600_000, maxConnections = 10, name } = options
  return {
    host,
    port: Number(url.port) || (secure ? 465 : 25),
    secure,
    requireTLS,
    opportunisticTLS: !requireTLS,
    tls: { rejectUnauthorized: options.verifyCertificate ?? (secure || requireTLS) },
    ...(name && { name }),
    // A next hop that offers no AUTH must not take the message without it.
    ...(url.username && {
      auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
      forceAuth: true,
    }),
    maxConnections,
    maxMessages: 1000,
    // Only for a connection that was closed while it was idle: nothing of the message had been sent.
    maxRequeues: 1,
    idleTimeout: 60_000,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    dnsTimeout: connectTimeoutMs,
    socketTimeout: replyTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

const isThisMachine = (host: string) =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

type PoolMail = Parameters<SMTPPool['send']>[0]

function transmit(
  pool: SMTPPool,
  envelope: RelayEnvelope,
  raw: Uint8Array,
  sending: RelayOptions,
): Promise<RelayResult> {
  const { returnPath, recipients } = envelope
  let outgoing: OutgoingMessage | undefined
  const message = {
    getEnvelope: () => ({ from: returnPath, to: [...recipients], size: raw.length, use8BitMime: !isAscii(raw) }),
    messageId: () => sending.messageId,
    getHeader: () => sending.messageId,
    createReadStream() {
      outgoing = new OutgoingMessage(raw)
      return outgoing
    },
  }
  const mail = { data: sending.signal ? { signal: sending.signal } : {}, message } as unknown as PoolMail
  return new Promise((resolve, reject) => {
    pool.send(mail, (error, info) => {
      if (!error) return resolve(accepted(info as unknown as Accepted))
      const failure = error as SmtpFailure
      const result = refusedByAll(recipients, failure)
      if (result) resolve(result)
      else reject(relayErrorOf(failure, outgoing?.handedOver ?? false))
    })
  })
}

type Accepted = {
  readonly response: string
  readonly serverMessageId?: string
  readonly rejectedErrors?: readonly SmtpFailure[]
}

function accepted({ response, serverMessageId, rejectedErrors = [] }: Accepted): RelayResult {
  const rejected = rejectedErrors.map((failure) => rejectionOf(failure.recipient ?? '', failure))
  return { relayId: serverMessageId ?? relayIdOf(response), outcome: 'sent', rejected }
}

/** Every recipient refused at RCPT, each with its reply, or the message at DATA, for good. Else undefined. */
function refusedByAll(recipients: readonly string[], failure: SmtpFailure): RelayResult | undefined {
  const { command, responseCode = 0, rejectedErrors = [] } = failure
  const refusedHere = (rejected: RelayResult['rejected']): RelayResult => ({ relayId: '', outcome: 'sent', rejected })
  if (command === 'RCPT TO' && rejectedErrors.length === recipients.length) {
    if (rejectedErrors.some((one) => one.responseCode === 421)) return undefined
    return refusedHere(rejectedErrors.map((one) => rejectionOf(one.recipient ?? '', one)))
  }
  if (command !== 'DATA' || responseCode < 500 || responseCode === 503) return undefined
  return refusedHere(recipients.map((recipient) => ({ ...rejectionOf(recipient, failure), refused: 'message' })))
}

/** The message as the socket asks for it; once its last piece is out, the final dot may follow at any time. */
class OutgoingMessage extends Readable {
  readonly #raw: Uint8Array
  #at = 0

  constructor(raw: Uint8Array) {
    super({ highWaterMark: CHUNK_BYTES })
    this.#raw = raw
  }

  get handedOver(): boolean {
    return this.#at >= this.#raw.length
  }

  override _read(): void {
    const chunk = this.#raw.subarray(this.#at, this.#at + CHUNK_BYTES)
    this.#at += chunk.length
    this.push(chunk.length > 0 ? chunk : null)
    if (chunk.length > 0 && this.handedOver) this.push(null)
  }
}
