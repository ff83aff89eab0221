import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { type Reply, SmtpError, serialize } from './replies.ts'

const NOTHING = Buffer.alloc(0)
const CR = 0x0d
const LF = 0x0a
/** Octets of an overlong line that are skipped before the connection is closed. */
const MAX_SKIPPED_BYTES = 64 * 1024
/** Characters of replies that are held for the end of a pipelined group. */
const MAX_HELD_REPLIES = 4 * 1024
/** Fewer octets of a message at once don't end a rest: a client that sends single octets would never rest. */
const PROGRESS_BYTES = 512
/** Bounds how long a closed connection waits for the peer to read the last reply, and what it may send in the meantime. */
const LINGER_MS = 1_000
const LINGER_BYTES = 1024 * 1024
const TIMEOUT: Reply = { code: 421, status: '4.4.2', text: 'Timeout' }

/**
 * One connection to a client: reads lines and chunks, writes replies, knows how long the client has rested, and starts TLS.
 * The socket reads ahead up to its high-water mark, and TCP holds the client back beyond. Replies are held until input has
 * to be waited for, so that a pipelined group is answered in one packet (RFC 2920 section 3.2). Each wait has a time limit,
 * past which the connection is closed with 421.
 */
export class Connection {
  readonly #plain: Socket
  /** The plain socket, or TLS on it. */
  #socket: Socket
  readonly #clock: Clock
  readonly #maxLineBytes: number
  #cancelTimer: () => void = () => undefined
  /** Octets that were read and not used. */
  #unused: Buffer = NOTHING
  #skippedBytes = 0
  #heldReplies = ''
  #restingSince: number | undefined
  #handshaking = false
  /** Octets that the peer may still send; undefined while the connection is open. */
  #lingerBytes: number | undefined
  #wake: (() => void) | undefined
  readonly #onEvent = () => this.#wake?.()
  readonly #onReadable = () => this.#readable()
  readonly #onEnd = () => this.#ended()
  readonly #onClose = () => this.#closed()
  readonly #onTimeout = () => this.close(TIMEOUT)

  constructor(socket: Socket, clock: Clock, maxLineBytes: number) {
    this.#plain = socket
    this.#socket = socket
    this.#clock = clock
    this.#maxLineBytes = maxLineBytes
    this.#listen()
  }

  /** IPv4 where it is one: a dual-stack socket shows `::ffff:192.0.2.1`. Empty if the peer is gone already. */
  get remoteAddress(): string {
    return (this.#plain.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
  }

  /** Milliseconds since the peer last completed a command or sent a good part of a message; undefined when it's our turn. */
  get restingMs(): number | undefined {
    if (this.#isOver() || this.#restingSince === undefined) return undefined
    return this.#wake !== undefined || this.#handshaking ? this.#clock.monotonic() - this.#restingSince : undefined
  }

  /** TLS version and cipher suite, once `startTls` has succeeded. */
  get cipher(): string | undefined {
    if (!(this.#socket instanceof TLSSocket)) return undefined
    return `${this.#socket.getProtocol()} ${this.#socket.getCipher().standardName}`
  }

  /** Resolves once the connection is closed on both sides. */
  get closed(): Promise<void> {
    const plain = this.#plain
    return plain.closed ? Promise.resolve() : new Promise((resolve) => plain.once('close', () => resolve()))
  }

  /** Limits the time until the next read: the connection is closed with 421 after `ms`. */
  allow(ms: number): void {
    if (!this.#isOver()) this.#setTimer(ms, this.#onTimeout)
  }

  /** Adds a reply. It is sent with the next wait for input at the latest. */
  write(reply: Reply): void {
    this.#heldReplies += serialize(reply)
    if (this.#heldReplies.length > MAX_HELD_REPLIES) this.flush()
  }

  /** Sends the replies that are held. */
  flush(): void {
    if (this.#heldReplies === '' || !this.#socket.writable) return
    this.#socket.write(this.#heldReplies, 'latin1')
    this.#heldReplies = ''
  }

  /**
   * The next line without its CRLF; undefined once the connection has ended, or after `timeoutMs`. No line is read while the
   * peer leaves replies unread.
   * @throws {SmtpError} 500: longer than allowed (it has been skipped), or it holds a bare LF
   */
  async readLine(timeoutMs: number): Promise<Buffer | undefined> {
    const untilMs = this.#clock.monotonic() + timeoutMs
    this.#restingSince = undefined
    while (this.#socket.writableNeedDrain) if (!(await this.#event(untilMs))) return undefined
    for (;;) {
      const line = this.#nextLine()
      if (line !== undefined) {
        this.#restingSince = undefined
        return line
      }
      const chunk = await this.#nextChunk(untilMs)
      if (chunk === undefined) return undefined
      this.#unused = this.#unused.length === 0 ? chunk : Buffer.concat([this.#unused, chunk])
    }
  }

  /** What has arrived, never empty; undefined once the connection has ended, or after `timeoutMs`. */
  async readChunk(timeoutMs: number): Promise<Buffer | undefined> {
    const unused = this.#unused
    this.#unused = NOTHING
    if (unused.length > 0) return unused
    const chunk = await this.#nextChunk(this.#clock.monotonic() + timeoutMs)
    if (chunk !== undefined && chunk.length >= PROGRESS_BYTES) this.#restingSince = undefined
    return chunk
  }

  /** Puts the end of a chunk back, to be read again. */
  unread(rest: Buffer): void {
    this.#unused = rest
  }

  /**
   * Starts TLS as the server, after the replies that are held were sent. All plaintext that has arrived is discarded: an
   * attacker between the peers could have added it (RFC 3207 section 4.2). False if the handshake failed; the connection is
   * closed then.
   */
  async startTls(secureContext: SecureContext, timeoutMs: number): Promise<boolean> {
    const plain = this.#plain
    this.allow(timeoutMs)
    this.#handshaking = true
    this.#restingSince = this.#clock.monotonic()
    await new Promise<void>((resolve) => plain.write(this.#heldReplies, 'latin1', () => resolve()))
    this.#heldReplies = ''
    this.#unused = NOTHING
    while (plain.read() !== null);
    if (plain.readableEnded) this.destroy()
    if (this.#isOver()) return false
    // What stays is 'end', which may be on its way.
    plain.off('readable', this.#onReadable)
    const secured = new TLSSocket(plain, { isServer: true, secureContext })
    this.#socket = secured
    this.#listen()
    const succeeded = await new Promise<boolean>((resolve) => {
      secured.once('secure', () => resolve(true)).once('close', () => resolve(false))
    })
    this.#handshaking = false
    return succeeded
  }

  /** Sends what is held and `reply`, and closes the connection once the peer has had a moment to read it. Harmless when repeated. */
  close(reply?: Reply): void {
    if (this.#isOver()) return
    if (this.#handshaking) {
      this.destroy()
      return
    }
    if (reply !== undefined) this.#heldReplies += serialize(reply)
    this.#lingerBytes = LINGER_BYTES
    this.#unused = NOTHING
    this.#setTimer(LINGER_MS, () => this.destroy())
    this.#socket.end(this.#heldReplies, 'latin1')
    this.#discard()
    this.#wake?.()
  }

  /** Closes the connection without a moment to read: for a peer that has nothing to lose. */
  refuse(reply: Reply): void {
    this.close(reply)
    this.#socket.destroySoon()
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#socket.destroy()
    this.#wake?.()
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('readable', this.#onReadable).on('end', this.#onEnd).on('close', this.#onClose)
    // An error is always followed by 'close'.
    socket.on('drain', this.#onEvent).on('error', this.#onEvent)
  }

  #setTimer(ms: number, work: () => void): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#clock.after(ms, work)
  }

  #isOver(): boolean {
    return this.#lingerBytes !== undefined || this.#socket.destroyed
  }

  #readable(): void {
    if (this.#lingerBytes !== undefined) this.#discard()
    // Without a read there is no 'end'.
    else if (this.#handshaking) this.#socket.read(0)
    else this.#wake?.()
  }

  #ended(): void {
    // Nobody can finish the handshake any more.
    if (this.#handshaking) this.#socket.destroy()
    else this.#wake?.()
  }

  #closed(): void {
    this.#cancelTimer()
    this.#wake?.()
  }

  /** Drops what arrives after the last reply: octets left unread would reset the connection, and the peer would lose the reply. */
  #discard(): void {
    let left = this.#lingerBytes ?? 0
    for (let chunk = this.#socket.read(); chunk !== null; chunk = this.#socket.read()) left -= chunk.length
    this.#lingerBytes = left
    if (left < 0) this.destroy()
  }

  #nextLine(): Buffer | undefined {
    const octets = this.#unused
    const at = octets.indexOf(LF)
    if (at < 0) {
      if (octets.length > this.#maxLineBytes) this.#skip(octets)
      return undefined
    }
    this.#unused = octets.subarray(at + 1)
    if (octets[at - 1] !== CR) {
      throw new SmtpError(500, '5.5.2', 'A line ends in CRLF, not in a bare LF', { hangUp: true })
    }
    if (this.#skippedBytes === 0 && at < this.#maxLineBytes) return octets.subarray(0, at - 1)
    this.#skippedBytes = 0
    throw new SmtpError(500, '5.5.2', 'Line too long')
  }

  /** Drops the line so far, but for the last octet, which may be the CR of its CRLF. */
  #skip(octets: Buffer): void {
    this.#skippedBytes += octets.length - 1
    this.#unused = octets.subarray(octets.length - 1)
    if (this.#skippedBytes > MAX_SKIPPED_BYTES) throw new SmtpError(500, '5.5.2', 'Line too long', { hangUp: true })
  }

  async #nextChunk(untilMs: number): Promise<Buffer | undefined> {
    for (;;) {
      const chunk: Buffer | null = this.#isOver() ? null : this.#socket.read()
      if (chunk !== null) return chunk
      if (this.#socket.readableEnded || !(await this.#event(untilMs))) return undefined
    }
  }

  /** Sends the replies that are held and waits until something happens to the socket; false if the connection is over. */
  async #event(untilMs: number): Promise<boolean> {
    this.flush()
    const now = this.#clock.monotonic()
    if (now >= untilMs) this.close(TIMEOUT)
    if (this.#isOver()) return false
    this.#restingSince ??= now
    this.#setTimer(untilMs - now, this.#onTimeout)
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
    return !this.#isOver()
  }
}
