/**
 * The relay to a smart host, over pooled SMTP connections of nodemailer. It calls the pool directly, because nodemailer's
 * mailer would compose the message again: the bytes stay as they are, except for dot-stuffing and line ends. A 250 means
 * that the next hop has accepted responsibility; a later bounce arrives as a notification.
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
  /** The name in EHLO. @default the machine's name */
  readonly name?: string
  /** The most connections at once. @default 10 */
  readonly maxConnections?: number
  /** The most messages that wait or are being sent; more are `throttled`. @default 1000 */
  readonly maxPending?: number
  readonly maxRawBytes?: number
  readonly maxRecipients?: number
  /** Requires an encrypted session. @default true if there is a password and the host is not this machine */
  readonly requireTls?: boolean
  /** Requires a valid certificate. @default true for `smtps:` and if encryption is required */
  readonly verifyCertificate?: boolean
  /** The time to connect, to greet and to encrypt, each. @default 30 s */
  readonly connectTimeoutMs?: number
  /** The longest silence. @default 10 min, which RFC 5321 section 4.5.3.2.6 asks for after the final dot */
  readonly replyTimeoutMs?: number
}

const CHUNK_BYTES = 64 * 1024

/** Returns a relay to an `smtp:` or `smtps:` URL, with user and password if needed. @throws {TypeError} for another URL */
export function smtpRelay(url: URL, options: SmtpRelayOptions = {}): Relay {
  const { maxPending = 1000, maxRawBytes = 40 * 1024 * 1024, maxRecipients = 100 } = options
  const limits = { maxRawBytes, maxRecipients }
  const pool = new SMTPPool(poolOptions(url, options))
  return {
    limits,
    host: url.host,
    async send(envelope, raw, sending) {
      checkRelay(limits, envelope, raw, sending.signal)
      if (pool.pendingCount() >= maxPending) throw new RelayError('throttled', `${maxPending} messages are being sent`)
      return transmit(pool, envelope, raw, sending)
    },
    async verify() {
      await pool.verify().catch((failure: SmtpFailure) => {
        throw relayErrorOf(failure, false)
      })
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
    // A next hop that does not offer AUTH must not get the message without it.
    ...(url.username && {
      auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
      forceAuth: true,
    }),
    maxConnections,
    maxMessages: 1000,
    // Requeues only after a connection was closed while idle, when nothing of the message was sent.
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
      const result = rejectedByAll(recipients, failure)
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
  return { relayId: serverMessageId ?? relayIdOf(response), outcome: 'sent', response, rejected }
}

/**
 * Answers the rejections if every recipient was rejected at RCPT, each with its own reply, or the message permanently at
 * DATA. Else undefined.
 */
function rejectedByAll(recipients: readonly string[], failure: SmtpFailure): RelayResult | undefined {
  const { command, responseCode = 0, rejectedErrors = [] } = failure
  const allRejected = (rejected: RelayResult['rejected']): RelayResult => ({ relayId: '', outcome: 'sent', rejected })
  if (command === 'RCPT TO' && rejectedErrors.length === recipients.length) {
    if (rejectedErrors.some((one) => one.responseCode === 421)) return undefined
    return allRejected(rejectedErrors.map((one) => rejectionOf(one.recipient ?? '', one)))
  }
  if (command !== 'DATA' || responseCode < 500 || responseCode === 503) return undefined
  return allRejected(recipients.map((recipient) => ({ ...rejectionOf(recipient, failure), refused: 'message' })))
}

/** Streams the message. After its last chunk was read, nodemailer may send the final dot at any time. */
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
