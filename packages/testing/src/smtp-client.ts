import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** An SMTP client that sends exactly what a test tells it, one write at a time. */
export class Client {
  #socket: Socket
  #text = ''
  #closed = false
  #wake = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    this.#listen()
  }

  /** Connects from `localAddress`, any of 127.0.0.0/8: limits count connections by address. */
  static to(port: number, localAddress = '127.0.0.1'): Client {
    return new Client(connect({ port, host: '127.0.0.1', localAddress }))
  }

  static toTls(port: number): Client {
    return new Client(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }))
  }

  /** Starts TLS as the client. */
  async secure(): Promise<void> {
    this.#socket.removeAllListeners()
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false })
    await new Promise((resolve, reject) => secured.once('secureConnect', resolve).once('error', reject))
    this.#socket = secured
    this.#listen()
  }

  /** Resolves when the octets have left for the kernel. */
  send(octets: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(octets, () => resolve()))
  }

  /** Waits for the next whole reply, its lines joined by a newline; `closed` when the connection ended before. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n/.exec(this.#text)
      if (match) {
        this.#text = this.#text.slice(match[0].length)
        return match[0].replaceAll('\r', '').trimEnd()
      }
      if (this.#closed) return this.#text === '' ? 'closed' : `closed within: ${this.#text}`
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async replies(count: number): Promise<string[]> {
    const all: string[] = []
    while (all.length < count) all.push(await this.reply())
    return all
  }

  /** Waits for the next replies and answers their codes, as `250 250 354`. */
  async codes(count: number): Promise<string> {
    return (await this.replies(count)).map((reply) => reply.slice(0, reply === 'closed' ? 6 : 3)).join(' ')
  }

  /** Stops reading. */
  pause(): void {
    this.#socket.removeAllListeners('data')
    this.#socket.pause()
  }

  /** Reads again. */
  resume(): void {
    this.#read()
    this.#socket.resume()
  }

  /** Sends no more, and still reads. */
  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #listen(): void {
    const close = () => {
      this.#closed = true
      this.#wake()
    }
    this.#read()
    this.#socket.on('end', close).on('close', close).on('error', close)
  }

  #read(): void {
    this.#socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1')
      this.#wake()
    })
  }
}

/**
 * Plays a conversation: `C: ` lines are sent with CRLF (those that follow one another in one packet), `S: ` lines must be
 * the whole replies, `S: closed` is the end of the connection, `TLS` starts it.
 */
export async function play(port: number, transcript: string): Promise<void> {
  const client = Client.to(port)
  let said = ''
  for (const line of transcript.split('\n').map((each) => each.trim())) {
    if (line.startsWith('C:')) {
      said += `${line.slice(3)}\r\n`
      continue
    }
    if (said !== '') await client.send(said)
    said = ''
    if (line === 'TLS') await client.secure()
    else if (line.startsWith('S:')) assert.equal((await client.reply()).replaceAll('\n', ' / '), line.slice(3))
  }
  client.destroy()
}
