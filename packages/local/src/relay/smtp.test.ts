import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { relayContract } from '@kabutar/core/ports/relay.contract.ts'
import type { Relay, RelayErrorKind } from '@kabutar/core/ports/relay.ts'
import { nextHop, relayTo, reply } from '@kabutar/testing/next-hop.ts'
import type { SMTPServerOptions } from 'smtp-server'
import { smtpRelay } from './smtp.ts'

const RAW = Buffer.from('Subject: x\r\n\r\nhello\r\n')
const send = (relay: Relay, raw: Uint8Array = RAW, recipients: readonly string[] = ['a@example.com']) =>
  relay.send({ returnPath: 'b@kabutar.test', recipients }, raw, { messageId: '<x@kabutar.test>' })

relayContract('a smart host', async () => {
  let next: RelayErrorKind | undefined
  const failsNow = (kind: RelayErrorKind) => {
    const asked = next === kind
    if (asked) next = undefined
    return asked
  }
  const hop = await nextHop({
    onMailFrom(_address, _session, done) {
      if (failsNow('throttled')) return done(reply(454, 'Throttling failure: Maximum sending rate exceeded.'))
      if (failsNow('transient')) return done(reply(451, '4.3.0 Try again later'))
      if (failsNow('permanent')) return done(reply(550, '5.7.1 Not from you'))
      if (failsNow('ambiguous')) hop.hangUp.next = true
      done()
    },
  })
  const relay = relayTo(hop.port, { maxConnections: 4 })
  const fail = (kind: RelayErrorKind) => {
    next = kind
  }
  return { relay, received: () => hop.received, fail }
})

test('a rejected recipient is reported with its own reply, and the others are accepted', async () => {
  const replies: Record<string, Error | undefined> = {
    'full@example.com': reply(452, '4.2.2 Mailbox full'),
    'none@example.com': reply(550, '5.1.1 No such user here'),
    'old@example.com': reply(550, 'go away'),
  }
  const hop = await nextHop({ onRcptTo: ({ address }, _session, done) => done(replies[address]) })
  const relay = relayTo(hop.port, { maxConnections: 1 })
  const result = await send(relay, RAW, ['full@example.com', 'good@example.com', 'none@example.com', 'old@example.com'])
  assert.deepEqual(result, {
    relayId: 'Q1',
    outcome: 'sent',
    response: '250 2.0.0 OK: queued as Q1',
    rejected: [
      { recipient: 'full@example.com', replyCode: 452, status: '4.2.2', diagnostic: '452 4.2.2 Mailbox full' },
      { recipient: 'none@example.com', replyCode: 550, status: '5.1.1', diagnostic: '550 5.1.1 No such user here' },
      { recipient: 'old@example.com', replyCode: 550, diagnostic: '550 go away' },
    ],
  })
  assert.deepEqual(hop.received[0]?.envelope.recipients, ['good@example.com'])
  const nobody = await send(relay, RAW, ['full@example.com', 'none@example.com'])
  assert.deepEqual(
    nobody.rejected.map(({ replyCode }) => replyCode),
    [452, 550],
  )
  await send(relay)
  assert.equal(hop.sockets.length, 1)
})

test('a message rejected permanently at DATA is rejected for each recipient', async () => {
  const hop = await nextHop({
    onData(stream, _session, done) {
      stream.resume()
      stream.on('end', () => done(reply(552, '5.3.4 Too big for us')))
    },
  })
  const { rejected } = await send(relayTo(hop.port), RAW, ['a@example.com', 'b@example.com'])
  assert.deepEqual(
    rejected.map(({ recipient, replyCode, status }) => [recipient, replyCode, status]),
    [
      ['a@example.com', 552, '5.3.4'],
      ['b@example.com', 552, '5.3.4'],
    ],
  )
})

type Failure = {
  readonly name: string
  readonly kind: RelayErrorKind
  readonly replyCode?: number
  readonly hop: SMTPServerOptions
}
const failures: readonly Failure[] = [
  {
    name: '421 at the greeting',
    kind: 'transient',
    replyCode: 421,
    hop: { onConnect: (_s, done) => done(reply(421, 'busy')) },
  },
  {
    name: '554 at the greeting',
    kind: 'transient',
    replyCode: 554,
    hop: { onConnect: (_s, done) => done(reply(554, 'no')) },
  },
  {
    name: '421 at MAIL',
    kind: 'transient',
    replyCode: 421,
    hop: { onMailFrom: (_a, _s, done) => done(reply(421, 'bye')) },
  },
  {
    name: '550 at MAIL',
    kind: 'permanent',
    replyCode: 550,
    hop: { onMailFrom: (_a, _s, done) => done(reply(550, 'no')) },
  },
  {
    name: '421 at RCPT',
    kind: 'transient',
    replyCode: 421,
    hop: { onRcptTo: (_a, _s, done) => done(reply(421, 'bye')) },
  },
  { name: 'a smaller limit', kind: 'permanent', replyCode: 552, hop: { size: 10 } },
]
for (const { name, kind, replyCode, hop } of failures) {
  test(`${kind}: ${name}`, async () => {
    await assert.rejects(send(relayTo((await nextHop(hop)).port)), { kind, replyCode })
  })
}

test('transient: 451 after DATA', async () => {
  const hop = await nextHop({
    onData(stream, _session, done) {
      stream.resume()
      stream.on('end', () => done(reply(451, '4.7.1 Greylisted')))
    },
  })
  await assert.rejects(send(relayTo(hop.port)), { kind: 'transient', replyCode: 451, status: '4.7.1' })
})

test('ambiguous: the connection is lost after the final dot, also on a connection used before', async () => {
  const hop = await nextHop()
  const relay = relayTo(hop.port)
  for (const before of [0, 1]) {
    if (before > 0) await send(relay)
    hop.hangUp.next = true
    await assert.rejects(send(relay), { kind: 'ambiguous' })
  }
  assert.equal(hop.received.length, 1)
})

test('ambiguous: silence after the final dot, or giving up there', async () => {
  const hop = await nextHop({ onData: (stream) => void stream.resume() })
  await assert.rejects(send(relayTo(hop.port, { replyTimeoutMs: 400 })), { kind: 'ambiguous' })
  const stop = new AbortController()
  const relay = relayTo(hop.port)
  const envelope = { returnPath: '', recipients: ['a@example.com'] }
  const sending = relay.send(envelope, RAW, { messageId: '<x@y>', signal: stop.signal })
  setTimeout(() => stop.abort(), 400)
  await assert.rejects(sending, { kind: 'ambiguous' })
})

test('transient: the connection is lost in the middle of a large message', async () => {
  const hop = await nextHop({
    onData() {
      for (const socket of hop.sockets) socket.destroy()
    },
  })
  const large = Buffer.alloc(30 * 1024 * 1024, 'all work and no play\r\n')
  await assert.rejects(send(relayTo(hop.port), large), { kind: 'transient' })
})

test('a connection that was closed while idle is replaced without an error', async () => {
  const hop = await nextHop()
  const relay = relayTo(hop.port)
  await send(relay)
  for (const socket of hop.sockets) socket.destroy()
  await send(relay)
  assert.equal(hop.received.length, 2)
})

test('transient: connection refused, no greeting, no such host', async () => {
  const silent = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  await assert.rejects(send(relayTo(port, { connectTimeoutMs: 100 })), { kind: 'transient' })
  silent.close()
  await assert.rejects(send(relayTo(1)), { kind: 'transient' })
  await assert.rejects(send(relayTo(25, {}, 'smtp://no-such-host.invalid')), { kind: 'transient' })
})

test('no bare line feed or carriage return goes out, and no line can end the message early', async () => {
  const hop = await nextHop()
  await send(relayTo(hop.port), Buffer.from('Subject: x\n\na\n.\nb\r.\rc\r\n.\r\nd'))
  const text = Buffer.from(hop.received[0]?.raw ?? []).toString()
  assert.equal(text, 'Subject: x\r\n\r\na\r\n.\r\nb\r\n.\r\nc\r\n.\r\nd\r\n')
  assert.equal(hop.received.length, 1)
})

test('an address cannot add a command', async () => {
  const hop = await nextHop()
  await assert.rejects(send(relayTo(hop.port), RAW, ['a@example.com>\r\nRCPT TO:<b@example.com']), {
    kind: 'permanent',
  })
  assert.deepEqual(hop.received, [])
})

test('STARTTLS is used if it is offered, with any certificate', async () => {
  const hop = await nextHop({ disabledCommands: [] })
  await send(relayTo(hop.port))
  assert.equal(hop.received[0]?.secure, true)
  await assert.rejects(send(relayTo(hop.port, { verifyCertificate: true })), { kind: 'transient' })
})

test('smtps is encrypted from the start, and needs a valid certificate by default', async () => {
  const hop = await nextHop({ secure: true })
  const url = `smtps://127.0.0.1:${hop.port}`
  await assert.rejects(send(relayTo(hop.port, {}, url)), { kind: 'transient' })
  await send(relayTo(hop.port, { verifyCertificate: false }, url))
  assert.equal(hop.received[0]?.secure, true)
})

test('nothing is sent without encryption if it is required', async () => {
  const hop = await nextHop()
  await assert.rejects(send(relayTo(hop.port, { requireTls: true })), { kind: 'transient' })
  assert.deepEqual(hop.received, [])
})

test('the password of the URL logs in; with a wrong one, or without AUTH, nothing is sent', async () => {
  const onAuth: SMTPServerOptions['onAuth'] = ({ username, password }, _session, done) =>
    username === 'user@x' && password === 'p:/ß' ? done(null, { user: 1 }) : done(new Error('no'))
  const options: SMTPServerOptions = { onAuth, authOptional: false, allowInsecureAuth: true }
  const hop = await nextHop(options)
  await send(relayTo(hop.port, {}, `smtp://user%40x:p%3A%2F%C3%9F@127.0.0.1:${hop.port}`))
  assert.equal(hop.received.length, 1)
  await assert.rejects(send(relayTo(hop.port, {}, `smtp://user%40x:wrong@127.0.0.1:${hop.port}`)), {
    kind: 'transient',
    replyCode: 535,
  })
  const without = await nextHop({ disabledCommands: ['STARTTLS', 'AUTH'] })
  await assert.rejects(send(relayTo(without.port, {}, `smtp://a:b@127.0.0.1:${without.port}`)), { kind: 'transient' })
  assert.deepEqual([hop.received.length, without.received.length], [1, 0])
})

test('messages beyond maxPending are throttled', async () => {
  const hop = await nextHop()
  const relay = relayTo(hop.port, { maxPending: 2, maxConnections: 1 })
  const results = await Promise.allSettled([send(relay), send(relay), send(relay)])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
  assert.equal((results[2] as PromiseRejectedResult).reason.kind, 'throttled')
})

test('a URL of another scheme is refused', () => {
  for (const url of ['http://example.com', 'smtp:', 'mailto:a@b'])
    assert.throws(() => smtpRelay(new URL(url)), TypeError)
})
