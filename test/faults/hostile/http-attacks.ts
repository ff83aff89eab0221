/** Attacks over HTTP: by strangers, and by the holder of a key of another account. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connectSender } from '../../flows/support/smtp-sender.ts'
import { type Attack, type Battle, MALLORY, openClient, pause, pick, repeat, submit } from './attack.ts'
import { framesOf } from './frames.ts'
import { serveHostileEndpoints } from './hostile-endpoints.ts'
import { HTML_BOMBS, JSON_BOMBS, requestWithHtml } from './request-bombs.ts'

const MB = 1024 * 1024
const mail = { from: MALLORY, to: 'delivered@resend.dev', subject: 's', text: 't' }

const postOf =
  (bodies: readonly (() => string)[], wrapped = (text: string) => text): Attack =>
  async (battle) => {
    await using client = openClient(battle, 2)
    await repeat(2, battle, () => submit(battle, client, wrapped(pick(bodies, battle.random)())))
  }

const largeBodies: Attack = async (battle) => {
  const content = Buffer.alloc(29 * MB, 1).toString('base64')
  const bodies = [{ attachments: [{ filename: 'a', content }] }, { text: 'x'.repeat(38 * MB) }].map((fields) =>
    Buffer.from(JSON.stringify({ ...mail, ...fields })),
  )
  await using client = openClient(battle, 24)
  await repeat(24, battle, async (n) => {
    await submit(battle, client, bodies[n % bodies.length]!)
    await pause(3000, battle.signal)
  })
}

const largeAnswers: Attack = async (battle) => {
  const sender = await connectSender(battle.target.smtpPort, '127.3.9.1')
  const id = await sender.send(MALLORY, Buffer.from(`Subject: x\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(490_000)}`))
  sender.close()
  battle.acknowledged({ owner: 'mallory', direction: 'received', id })
  await using client = openClient(battle, 20)
  await repeat(20, battle, () => client.ask(`/emails/receiving/${id}`, { key: battle.target.fullKey }))
}

/** Keeps `count` connections, each begun by `greet`, and calls `goOn` on each every 100 ms. */
const connecting =
  (
    count: number,
    greet: (battle: Battle, n: number) => string,
    goOn?: (socket: Socket, battle: Battle) => unknown,
  ): Attack =>
  async (battle) => {
    const sockets = new Map<number, Socket>()
    const open = (n: number) => {
      const socket = dial(battle)
      socket.on('close', () => sockets.delete(n)).on('connect', () => socket.write(greet(battle, n)))
      sockets.set(n, socket)
    }
    while (!battle.signal.aborted) {
      for (let n = 0; n < count; n++) if (!sockets.has(n)) open(n)
      if (goOn)
        for (const socket of sockets.values()) if (!socket.connecting && !socket.writableNeedDrain) goOn(socket, battle)
      await pause(100, battle.signal)
    }
    for (const socket of sockets.values()) socket.destroy()
  }

function dial({ target }: Battle): Socket {
  const { hostname: host, port } = new URL(target.url)
  return connect({ host, port: Number(port), localAddress: '127.4.0.1' })
    .on('error', () => undefined)
    .pause()
}

/** The Host field: a server on loopback answers to its own names alone. */
const hostOf = ({ target }: Battle) => new URL(target.url).host

const head = (battle: Battle, length: number) =>
  `POST /emails HTTP/1.1\r\nHost: ${hostOf(battle)}\r\nAuthorization: Bearer ${battle.target.sendingKey}\r\nContent-Length: ${length}\r\n\r\n`

const halfRequests = connecting(
  400,
  (battle, n) => (n % 2 === 0 ? `POST /emails HTTP/1.1\r\nHost: ${hostOf(battle)}\r\nX: ` : head(battle, MB)),
  (socket) => socket.write('x'),
)
const unreadAnswers = connecting(
  100,
  () => '',
  (socket, battle) => socket.write(`GET /nothing HTTP/1.1\r\nHost: ${hostOf(battle)}\r\n\r\n`.repeat(500)),
)
const cutRequests = connecting(
  50,
  (battle) => `${head(battle, MB)}${'x'.repeat(500_000)}`,
  (socket) => socket.destroy(),
)

const wrongKeys: Attack = async (battle) => {
  await using client = openClient(battle, 50)
  const body = Buffer.alloc(40 * MB, 'x')
  await repeat(50, battle, async (n) => {
    const key = `re_${battle.random()}`
    await client.ask('/emails', n === 0 ? { key, method: 'POST', body } : { key })
  })
}

const badUploads: Attack = async (battle) => {
  await using client = openClient(battle, 10)
  await repeat(10, battle, async (n) => {
    const upload = await client.ask('/uploads', {
      method: 'POST',
      key: battle.target.sendingKey,
      body: JSON.stringify({ size: 10 * MB }),
    })
    if (upload.status >= 400) return pause(500, battle.signal)
    const { pathname, search } = new URL(String(upload.body.url))
    const socket = dial(battle)
    await once(socket, 'connect', { signal: battle.signal })
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${hostOf(battle)}\r\nContent-Length: ${10 * MB + (n % 3) - 1}\r\n\r\n`,
    )
    socket.write(Buffer.alloc((n + 1) * MB))
    await pause(300, battle.signal)
    socket.destroy()
  })
}

const frames: Attack = async (battle) => {
  const bytes = Object.values(framesOf(battle.target.sendingKey, hostOf(battle)))
  await repeat(10, battle, async () => {
    const socket = dial(battle).resume()
    await once(socket, 'connect', { signal: battle.signal })
    socket.write(pick(bytes, battle.random))
    await pause(200, battle.signal)
    socket.destroy()
  })
}

const racedKeys: Attack = async (battle) => {
  const { fullKey: key } = battle.target
  await using client = openClient(battle, 150)
  await repeat(1, battle, async () => {
    const body = JSON.stringify({ name: 'raced', permission: 'sending_access' })
    const made = await Promise.all(
      Array.from({ length: 150 }, () => client.ask('/api-keys', { method: 'POST', key, body })),
    )
    const ids = made.filter(({ status }) => status < 300).map((answer) => String(answer.body.id))
    await Promise.all(ids.map((id) => client.ask(`/api-keys/${id}`, { method: 'DELETE', key })))
  })
}

const endpoints: Attack = async (battle) => {
  const { fullKey: key } = battle.target
  const hostile = await serveHostileEndpoints()
  await using client = openClient({ ...battle, signal: new AbortController().signal }, 20)
  const ids: string[] = []
  for (const url of hostile.urls) {
    const body = JSON.stringify({ endpoint: url, events: ['email.sent', 'email.delivered'] })
    const { body: made } = await client.ask('/webhooks', { method: 'POST', key, body })
    if (made.id !== undefined) ids.push(String(made.id))
  }
  await repeat(2, battle, async () => {
    await submit(battle, client, JSON.stringify(mail))
    await pause(100, battle.signal)
  })
  for (const id of ids) await client.ask(`/webhooks/${id}`, { method: 'DELETE', key })
  hostile.close()
}

export const HTTP_ATTACKS: Readonly<Record<string, Attack>> = {
  'JSON that is dear to read': postOf(Object.values(JSON_BOMBS)),
  'HTML that is dear to convert': postOf(Object.values(HTML_BOMBS), requestWithHtml),
  '24 bodies of 40 MB at once': largeBodies,
  '20 readings of a mail of 38 MB at once': largeAnswers,
  '400 requests that come octet by octet': halfRequests,
  '800 connections that ask nothing': connecting(800, () => ''),
  '100 connections that never read an answer': unreadAnswers,
  'requests that are cut off': cutRequests,
  'wrong keys': wrongKeys,
  'uploads that are cut off or too long': badUploads,
  'requests with two ends': frames,
  '150 new keys at once': racedKeys,
  'webhook endpoints that answer wrongly': endpoints,
}
