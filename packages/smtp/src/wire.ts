import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { TLSSocket } from 'node:tls'
import { Deadline } from './deadline.ts'
import { giveBack, isLent } from './lent.ts'
import { MalformedError } from './malformed.ts'

const NOTHING = Buffer.alloc(0)
const LF = 0x0a
const CR = 0x0d
/**
 * Octets that may come at once; past it, or while what came before is still being consumed, the socket rests until all is used
 * up, and TCP holds the peer back.
 */
const READ_AHEAD = 16 * 1024
/** Octets of replies that the peer hasn't read; past it nothing more of what it sends is looked at. */
const WRITE_AHEAD = 4 * 1024
/** Characters of replies that wait for the end of a pipelined group. */
const REPLY_BATCH = 4 * 1024
/** A line that runs on this far past its limit is no mistake any more. */
const MAX_SKIPPED = 64 * 1024
/** How long a connection we ended may stay for the peer to read the last reply, and what it may still send meanwhile. */
const LINGER_MS = 1_000
const LINGER_BYTES = 1024 * 1024

/**
 * The octets of one connection: lines and chunks in, replies out.
 * Replies are held until input has to be waited for, so that a pipelined group is answered in one packet
 * (RFC 2920 section 3.2). Memory is bounded by the constants above. Every wait for the peer has a deadline.
 */
export class Wire {
  #socket: Socket
  /** Whose memory the head is part of. */
  #chunk: Buffer = NOTHING
  #head: Buffer = NOTHING
  /** Whoever was given a chunk may still be reading it. */
  #inUse = false
  #queue: Buffer[] = []
  #queued = 0
  #paused = false
  #skipped = 0
  #output = ''
  #ended = false
  #handshaking = false
  #wake: (() => void) | undefined
  #deadline: Deadline
  #askedAt = 0
  #maxLineBytes: number
  readonly #onData = (chunk: Buffer) => this.#received(chunk)
  readonly #onEnd = () => this.#finish()
  readonly #onClose = () => this.#abandon()

  /** `expired` is called once a deadline has passed; it should end the connection. */
  constructor(socket: Socket, maxLineBytes: number, expired: () => void) {
    this.#socket = socket
    this.#maxLineBytes = maxLineBytes
    this.#deadline = new Deadline(expired)
    this.#listen()
  }

  /** Milliseconds that the peer has kept us waiting for this line or chunk; undefined when it's our turn. */
  get waitedMs(): number | undefined {
    return this.#wake === undefined || this.#ended ? undefined : performance.now() - this.#askedAt
  }

  /** Moves the deadline of the connection to `ms` from now. */
  allow(ms: number): void {
    this.#deadline.set(ms)
  }

  /** Adds to the output; it leaves with the next wait for input at the latest. */
  write(text: string): void {
    this.#output += text
    if (this.#output.length > REPLY_BATCH) this.flush()
  }

  /** Sends what was written. */
  flush(): void {
    const output = this.#output
    if (output === '' || !this.#socket.writable) return
    this.#output = ''
    this.#socket.write(output, 'latin1')
  }

  /**
   * The next line without its CRLF, to be used before the next is asked for; within `timeoutMs` in all; undefined when the connection has ended.
   * @throws {MalformedError} 500: longer than allowed (it has been skipped), or it holds a bare LF
   */
  async line(timeoutMs: number): Promise<Buffer | undefined> {
    this.#inUse = false
    if (this.#isUnread()) {
      this.#ask(timeoutMs)
      while (this.#isUnread()) if (!(await this.#woken())) return undefined
    }
    let line = this.#takeLine()
    if (line === undefined) this.#ask(timeoutMs)
    while (line === undefined) {
      if (!(await this.#fill())) return undefined
      line = this.#takeLine()
    }
    return line
  }

  /**
   * Whatever has arrived, within `timeoutMs`; undefined when the connection has ended. Never empty. If `isLent`, its memory is
   * gone once the next chunk or line is asked for.
   */
  async chunk(timeoutMs: number): Promise<Buffer | undefined> {
    this.#inUse = false
    if (this.#head.length === 0) this.#ask(timeoutMs)
    while (this.#head.length === 0) {
      if (!(await this.#fill())) return undefined
    }
    const chunk = this.#head
    this.#head = NOTHING
    this.#inUse = true
    return chunk
  }

  /** The last chunk is not looked at any more: its memory needn't wait for the next. */
  spent(): void {
    this.#inUse = false
    this.#shrink()
  }

  /** Gives back the end of a chunk, to be read again. */
  unread(rest: Buffer): void {
    this.#head = rest
  }

  /**
   * Sends what was written and starts TLS as the server, forgetting all plaintext that has arrived: it was sent before the
   * peer could know whom it talks to, and whoever sits between could have added it (RFC 3207 section 4.2).
   * False when the handshake failed; the connection is over then.
   */
  async secure(context: SecureContext, timeoutMs: number): Promise<boolean> {
    const plain = this.#socket
    plain.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    this.flush()
    this.#forget()
    while (plain.read() !== null);
    if (this.#ended) return false
    const secured = new TLSSocket(plain, { isServer: true, secureContext: context })
    this.#socket = secured
    this.#handshaking = true
    this.#deadline.set(timeoutMs)
    this.#listen()
    return new Promise((resolve) => {
      secured.once('close', () => resolve(false))
      secured.once('secure', () => {
        this.#handshaking = false
        resolve(true)
      })
    })
  }

  /** TLS version and cipher, once `secure` has succeeded. */
  get cipher(): string | undefined {
    if (!(this.#socket instanceof TLSSocket)) return undefined
    return `${this.#socket.getProtocol()} ${this.#socket.getCipher().standardName}`
  }

  /** Sends what was written and ends the connection, with a moment for the peer to read it. Harmless when repeated. */
  hangUp(): void {
    const socket = this.#socket
    this.#abandon()
    if (this.#handshaking) socket.destroy()
    if (socket.destroyed || socket.writableEnded) return
    let left = LINGER_BYTES
    socket.off('data', this.#onData).on('data', (chunk: Buffer) => {
      left -= chunk.length
      giveBack(chunk)
      if (left < 0) socket.destroy()
    })
    socket.resume()
    socket.end(this.#output)
    this.#output = ''
    const linger = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(linger))
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy()
    this.#abandon()
  }

  #listen(): void {
    this.#socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
    this.#socket.on('drain', () => this.#wake?.())
    this.#socket.on('error', () => this.#socket.destroy())
  }

  #ask(timeoutMs: number): void {
    this.#askedAt = performance.now()
    this.#deadline.set(timeoutMs)
  }

  #received(chunk: Buffer): void {
    this.#queue.push(chunk)
    this.#queued += chunk.length
    if ((this.#queued > READ_AHEAD || this.#wake === undefined) && !this.#paused) {
      this.#paused = true
      this.#socket.pause()
    }
    this.#wake?.()
  }

  #finish(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** What has arrived and not been looked at stays so: nobody is left to hear the answer. */
  #abandon(): void {
    this.#forget()
    this.#deadline.clear()
    this.#finish()
  }

  #forget(): void {
    if (!this.#inUse) giveBack(this.#chunk)
    this.#chunk = NOTHING
    this.#head = NOTHING
    for (const chunk of this.#queue) giveBack(chunk)
    this.#queue = []
    this.#queued = 0
    this.#paused = false
  }

  /** Moves the next chunk to the head, after waiting for it if there is none; false when there will be none. */
  async #fill(): Promise<boolean> {
    while (this.#queue.length === 0) {
      this.flush()
      this.#shrink()
      if (this.#paused && this.#queue.length === 0) {
        this.#paused = false
        this.#socket.resume()
      }
      if (!(await this.#woken())) return false
    }
    const next = this.#queue.shift()!
    this.#queued -= next.length
    this.#become(this.#head.length === 0 ? next : Buffer.concat([this.#head, next]))
    if (this.#chunk !== next) giveBack(next)
    return true
  }

  /** The peer leaves our replies unread. */
  #isUnread(): boolean {
    return this.#socket.writableLength > WRITE_AHEAD
  }

  /** Until something has come or left; false when nothing will. */
  async #woken(): Promise<boolean> {
    if (this.#ended) return false
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
    return true
  }

  /** What waits for its other half holds no more memory than its own. */
  #shrink(): void {
    if (isLent(this.#chunk)) this.#become(this.#head.length === 0 ? NOTHING : Buffer.from(this.#head))
  }

  #become(chunk: Buffer): void {
    giveBack(this.#chunk)
    this.#chunk = chunk
    this.#head = chunk
  }

  #takeLine(): Buffer | undefined {
    const head = this.#head
    const at = head.indexOf(LF)
    if (at < 0) {
      if (head.length > this.#maxLineBytes) this.#skip(head)
      return undefined
    }
    this.#head = head.subarray(at + 1)
    if (at === 0 || head[at - 1] !== CR) {
      throw new MalformedError(500, '5.5.2', 'A line ends in CRLF, not in a bare LF', { hangUp: true })
    }
    if (this.#skipped === 0 && at < this.#maxLineBytes) return head.subarray(0, at - 1)
    this.#skipped = 0
    throw new MalformedError(500, '5.5.2', 'Line too long')
  }

  /** Forgets the line so far, but for an octet that may be half of its CRLF. */
  #skip(head: Buffer): void {
    this.#skipped += head.length - 1
    this.#head = head.subarray(head.length - 1)
    if (this.#skipped > MAX_SKIPPED) throw new MalformedError(500, '5.5.2', 'Line too long', { hangUp: true })
  }
}
