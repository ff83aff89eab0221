import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { TLSSocket } from 'node:tls'
import { Arrived } from './arrived.ts'
import { Deadline } from './deadline.ts'
import { encrypted } from './encrypted.ts'
import { intoOneBuffer, type OnOctets, READ_BYTES } from './one-buffer.ts'

/** Characters of replies that wait for the end of a pipelined group. */
const REPLY_BATCH = 4 * 1024
/** How long a connection we ended may stay for the peer to read the last reply, and what it may still send meanwhile. */
const LINGER_MS = 1_000
const LINGER_BYTES = 1024 * 1024

/**
 * The octets of one connection: lines and chunks in, replies out.
 * Replies are held until input has to be waited for, so that a pipelined group is answered in one packet
 * (RFC 2920 section 3.2). Memory is bounded by the constants above. Every wait for the peer has a deadline.
 */
export class Wire {
  /** The connection: it is what rests, under TLS too. */
  readonly #plain: Socket
  /** What we speak through: the connection, or TLS on it. */
  #socket: Socket
  #onOctets: OnOctets = (octets) => this.#received(octets)
  #arrived: Arrived
  #paused = false
  /** Nothing is left to be looked at. */
  #hungry = false
  #output = ''
  #ended = false
  /** Once we have hung up: what may still come. */
  #lingerBytes: number | undefined
  #handshaking = false
  #wake: (() => void) | undefined
  #deadline: Deadline
  #askedAt = 0
  readonly #onEnd = () => this.#finish()
  readonly #onClose = () => this.#abandon()

  /** Of a connection that was accepted paused. `expired` is called once a deadline has passed; it should end the connection. */
  constructor(accepted: Socket, maxLineBytes: number, expired: () => void) {
    this.#plain = intoOneBuffer(accepted, (octets) => this.#onOctets(octets))
    this.#socket = this.#plain
    this.#arrived = new Arrived(maxLineBytes)
    this.#deadline = new Deadline(expired)
    this.#listen()
  }

  /** Milliseconds that the peer has kept us waiting for this line, chunk or handshake; undefined when it's our turn. */
  get waitedMs(): number | undefined {
    const isWaiting = (this.#wake !== undefined || this.#handshaking) && !this.#ended
    return isWaiting ? performance.now() - this.#askedAt : undefined
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
    this.#arrived.spent()
    if (this.#isUnread()) {
      this.#ask(timeoutMs)
      while (this.#isUnread()) if (!(await this.#woken())) return undefined
    }
    let line = this.#arrived.line()
    if (line === undefined) this.#ask(timeoutMs)
    while (line === undefined) {
      if (!(await this.#fill())) return undefined
      line = this.#arrived.line()
    }
    return line
  }

  /**
   * Whatever has arrived, within `timeoutMs`; undefined when the connection has ended. Never empty. Its memory is gone once the
   * next chunk or line is asked for.
   */
  async chunk(timeoutMs: number): Promise<Buffer | undefined> {
    this.#arrived.spent()
    let chunk = this.#arrived.chunk()
    if (chunk === undefined) this.#ask(timeoutMs)
    while (chunk === undefined) {
      if (!(await this.#fill())) return undefined
      chunk = this.#arrived.chunk()
    }
    return chunk
  }

  /** The last chunk is not looked at any more: its memory needn't wait for the next. */
  spent(): void {
    this.#arrived.spent()
    this.#arrived.shrink()
  }

  /** Gives back the end of a chunk, to be read again. */
  unread(rest: Buffer): void {
    this.#arrived.unread(rest)
  }

  /**
   * Sends what was written and starts TLS as the server, forgetting all plaintext that has arrived: it was sent before the
   * peer could know whom it talks to, and whoever sits between could have added it (RFC 3207 section 4.2).
   * False when the handshake failed; the connection is over then.
   */
  async secure(context: SecureContext, timeoutMs: number): Promise<boolean> {
    const plain = this.#plain.off('end', this.#onEnd).off('close', this.#onClose)
    this.flush()
    this.#forget()
    while (plain.read() !== null);
    if (this.#ended) return false
    const { socket, decrypt } = encrypted(plain, context, (octets) => this.#received(octets))
    this.#onOctets = decrypt
    this.#socket = socket
    plain.resume()
    this.#handshaking = true
    this.#ask(timeoutMs)
    this.#listen()
    return new Promise((resolve) => {
      socket.once('close', () => resolve(false))
      socket.once('secure', () => {
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
  hangUp(lastWords = ''): void {
    const socket = this.#socket
    this.#abandon()
    if (socket.destroyed || socket.writableEnded) return
    this.#lingerBytes = LINGER_BYTES
    this.#plain.resume()
    socket.end(this.#output + lastWords)
    this.#output = ''
    const linger = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(linger))
  }

  /** Resolves once the connection is over for both sides. */
  get closed(): Promise<void> {
    const plain = this.#plain
    return plain.closed ? Promise.resolve() : new Promise((resolve) => plain.once('close', () => resolve()))
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy()
    this.#abandon()
  }

  #listen(): void {
    this.#socket.on('end', this.#onEnd).on('close', this.#onClose)
    this.#socket.on('drain', () => this.#wake?.())
    this.#socket.on('error', () => this.#socket.destroy())
  }

  #ask(timeoutMs: number): void {
    this.#askedAt = performance.now()
    this.#deadline.set(timeoutMs)
  }

  /**
   * The socket rests while what came before is still being consumed, or when it could have read more than it had room for,
   * until all is used up: TCP holds the peer back meanwhile.
   */
  #received(octets: Uint8Array): void {
    if (this.#lingerBytes !== undefined) {
      this.#lingerBytes -= octets.length
      if (this.#lingerBytes < 0) this.#socket.destroy()
      return
    }
    this.#arrived.push(octets)
    if ((!this.#hungry || octets.length >= READ_BYTES) && !this.#paused) {
      this.#paused = true
      this.#plain.pause()
    }
    this.#hungry = false
    this.#wake?.()
  }

  #finish(): void {
    this.#ended = true
    // No reply can be read any more, and a half-open connection would stay so until the deadline.
    if (this.#handshaking) this.#socket.destroy()
    this.#wake?.()
  }

  /** What has arrived and not been looked at stays so: nobody is left to hear the answer. */
  #abandon(): void {
    this.#forget()
    this.#deadline.clear()
    this.#finish()
  }

  #forget(): void {
    this.#arrived.forget()
    this.#paused = false
  }

  /** Goes on to what has arrived next, after waiting for it if there is nothing; false when there will be nothing. */
  async #fill(): Promise<boolean> {
    while (!this.#arrived.next()) {
      this.flush()
      this.#arrived.shrink()
      if (this.#paused && !this.#arrived.waiting) {
        this.#paused = false
        this.#plain.resume()
      }
      this.#hungry = true
      if (!(await this.#woken())) return false
    }
    return true
  }

  /** The peer leaves our replies unread: nothing more of what it sends is looked at, until `drain`. */
  #isUnread(): boolean {
    return this.#socket.writableNeedDrain
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
}
