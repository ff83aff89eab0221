/** An SMTP client that sends raw messages over one kept connection, the envelope pipelined (RFC 2920). */
import { connect, type Socket } from 'node:net'

export type SmtpSender = {
  /**
   * Sends the bytes with dot stuffing. They must end in CRLF or be empty. Resolves with the id that the 250 names.
   * @throws {Error} the refusal, or that the connection ended before there was an answer
   */
  send(recipient: string, raw: Uint8Array): Promise<string>
  close(): void
}

const TIMEOUT_MS = 60_000

/** Connects from `localAddress`, any of 127.0.0.0/8. @throws {Error} if nobody greets there */
export async function connectSender(port: number, localAddress = '127.0.0.1'): Promise<SmtpSender> {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).setNoDelay(true)
  const replies = repliesOf(socket)
  const expect = async (code: string) => {
    const reply = await replies.next()
    if (!reply.startsWith(code)) throw new Error(reply)
    return reply
  }
  await expect('220')
  socket.write('EHLO sender.test\r\n')
  await expect('250')
  return {
    async send(recipient, raw) {
      socket.write(`MAIL FROM:<sender@far.test>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`)
      for (const code of ['250', '250', '354']) await expect(code)
      socket.write(stuffed(raw))
      const id = /queued as (\S+)/.exec(await expect('250'))?.[1]
      if (id === undefined) throw new Error('the 250 names no id')
      return id
    },
    close: () => socket.destroy(),
  }
}

/** Doubles the dots of a message and adds the terminator (RFC 5321 section 4.5.2). */
function stuffed(raw: Uint8Array): Buffer {
  const text = Buffer.from(raw).toString('latin1')
  return Buffer.from(`${text.replace(/^\./gm, '..')}.\r\n`, 'latin1')
}

/** Makes all line ends of a file CRLF, and adds one at its end: SMTP carries no others (RFC 5321 section 2.3.8). */
export function asLines(file: Uint8Array): Buffer {
  const text = Buffer.from(file)
    .toString('latin1')
    .replace(/\r\n|\r|\n/g, '\r\n')
  return Buffer.from(text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1')
}

/** Reads whole replies, in order. */
function repliesOf(socket: Socket): { next(): Promise<string> } {
  let text = ''
  let ended = false
  let wake = () => {}
  const end = () => {
    ended = true
    wake()
  }
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    wake()
  })
  socket.on('error', end).on('close', end)
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy())
  return {
    async next() {
      for (;;) {
        const reply = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(text)?.[0]
        text = text.slice(reply?.length ?? 0)
        if (reply !== undefined) return reply.trimEnd()
        if (ended) throw new Error('the connection ended')
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
