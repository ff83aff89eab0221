/** A name server on loopback whose records tests set: TXT and MX over UDP, as much of DNS as a resolver asks for. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export type DnsServer = AsyncDisposable & {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** Records by name in lower case. */
  readonly txt: Map<string, readonly string[]>
  readonly mx: Map<string, { readonly exchange: string; readonly priority: number }>
  /** Answers SERVFAIL to everything. */
  broken: boolean
}

const TXT = 16
const MX = 15
const NXDOMAIN = 3
const SERVFAIL = 2

export async function startDnsServer(): Promise<DnsServer> {
  const socket = createSocket('udp4')
  const server: DnsServer = {
    address: '',
    txt: new Map(),
    mx: new Map(),
    broken: false,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => void socket.close(() => resolve()))
    },
  }
  socket.on('message', (query, { port, address }) => socket.send(answer(server, query), port, address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return Object.assign(server, { address: `127.0.0.1:${socket.address().port}` })
}

function answer({ txt, mx, broken }: DnsServer, query: Buffer): Buffer {
  const { name, end } = nameAt(query, 12)
  const type = query.readUInt16BE(end)
  const data =
    type === TXT
      ? (txt.get(name) ?? []).map(textOf)
      : [mx.get(name)].flatMap((one) =>
          one && type === MX ? [Buffer.concat([short(one.priority), wireName(one.exchange)])] : [],
        )
  const known = txt.has(name) || mx.has(name)
  const header = Buffer.from(query.subarray(0, 12))
  header.writeUInt16BE(0x8180 | (broken ? SERVFAIL : known ? 0 : NXDOMAIN), 2)
  header.writeUInt16BE(broken ? 0 : data.length, 6)
  header.writeUInt32BE(0, 8)
  const answers = data.map((rdata) =>
    Buffer.concat([Buffer.from([0xc0, 12]), short(type), short(1), Buffer.alloc(4), short(rdata.length), rdata]),
  )
  return Buffer.concat([header, query.subarray(12, end + 4), ...(broken ? [] : answers)])
}

function nameAt(message: Buffer, from: number): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let at = from
  for (let length = message[at] ?? 0; length > 0 && labels.length < 128; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

const wireName = (name: string) =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.alloc(1),
  ])

/** Splits text into strings of at most 255 bytes each. */
function textOf(text: string): Buffer {
  const parts = text.match(/.{1,255}/gs) ?? ['']
  return Buffer.concat(parts.map((part) => Buffer.from(`${String.fromCharCode(part.length)}${part}`, 'latin1')))
}
