/** A next hop on loopback that keeps every byte it is sent. It answers with any text, also one that no library would send. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Relayed = {
  /** The whole MAIL FROM command. */
  readonly from: string
  /** The RCPT TO commands that were accepted. */
  readonly to: readonly string[]
  /** The message with its dots unstuffed. */
  readonly raw: Buffer
}
export type NextHop = {
  readonly port: number
  readonly messages: readonly Relayed[]
  /** Resolves with the first message that `isIt` accepts. @throws {Error} after `timeoutMs` */
  waitFor(isIt: (message: Relayed) => boolean, timeoutMs?: number): Promise<Relayed>
  close(): void
}

/** Answers to a command line, where it is not `250 Ok`. */
type Script = (command: string) => string | undefined

const END = '\r\n.\r\n'
const GREETING = '220 next-hop ESMTP\r\n'
const EXTENSIONS = '250-next-hop\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SIZE 50000000\r\n'

export async function startNextHop(script: Script): Promise<NextHop> {
  const messages: Relayed[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy()))
    converse(socket, script, messages)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    async waitFor(isIt, timeoutMs = 6000) {
      for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(10)) {
        const found = messages.find(isIt)
        if (found !== undefined) return found
      }
      throw new Error(`the next hop has no such message after ${timeoutMs} ms`)
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function converse(socket: Socket, script: Script, messages: Relayed[]): void {
  let unread = ''
  let inData = false
  let envelope = { from: '', to: [] as string[] }
  const take = () => {
    // The CRLF that ends the DATA command may be the one before the dot of an empty message.
    const end = unread.startsWith('.\r\n') ? 0 : unread.indexOf(END) + 2
    if (end === 1) return false
    messages.push({ ...envelope, raw: Buffer.from(unread.slice(0, end).replace(/^\.\./gm, '.'), 'latin1') })
    unread = unread.slice(end + 3)
    inData = false
    socket.write('250 2.0.0 Ok: queued\r\n')
    return true
  }
  const obey = () => {
    const end = unread.indexOf('\r\n')
    if (end < 0) return false
    const line = Buffer.from(unread.slice(0, end), 'latin1').toString()
    unread = unread.slice(end + 2)
    const verb = line.slice(0, 4).toUpperCase()
    const reply = script(line) ?? (verb === 'RCPT' || verb === 'MAIL' ? '250 Ok' : undefined)
    if (verb === 'MAIL') envelope = { from: line, to: [] }
    if (verb === 'RCPT' && reply?.startsWith('2')) envelope.to.push(line)
    inData = verb === 'DATA'
    if (verb === 'EHLO') socket.write(EXTENSIONS)
    else if (verb === 'QUIT') socket.end('221 Bye\r\n')
    else socket.write(`${reply ?? (inData ? '354 Go ahead' : '250 Ok')}\r\n`)
    return true
  }
  socket.write(GREETING)
  socket.on('data', (chunk) => {
    unread += chunk.toString('latin1')
    while (inData ? take() : obey());
  })
}
