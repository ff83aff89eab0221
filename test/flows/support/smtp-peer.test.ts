import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTransport } from 'nodemailer'
import { type SmtpPeer, type SmtpPeerOptions, startSmtpPeer } from './smtp-peer.ts'

const RAW = 'From: a@kabutar.test\r\nSubject: Hi\r\n\r\n.dot\r\n'

async function send(peer: SmtpPeer, to: string[], options: { user?: string; pass?: string; startTls?: boolean } = {}) {
  const { user, pass, startTls = false } = options
  const transport = createTransport({
    host: '127.0.0.1',
    port: peer.port,
    ignoreTLS: !startTls,
    tls: { rejectUnauthorized: false },
    ...(user && pass && { auth: { user, pass } }),
  })
  try {
    return await transport.sendMail({ envelope: { from: 'bounces@kabutar.test', to }, raw: RAW })
  } finally {
    transport.close()
  }
}

const cases: readonly {
  name: string
  to: string[]
  options?: SmtpPeerOptions
  /** The reply that the sender sees; undefined if the message is accepted. */
  fails?: number | 'lost'
  rejected?: string[]
  kept: string[][]
}[] = [
  { name: 'takes what has no script', to: ['x@a.test', 'y@a.test'], kept: [['x@a.test', 'y@a.test']] },
  { name: 'refuses one of two', to: ['x@a.test', 'bounce@a.test'], rejected: ['bounce@a.test'], kept: [['x@a.test']] },
  { name: 'defers', to: ['defer@a.test'], fails: 451, kept: [] },
  { name: 'is full', to: ['full@a.test'], fails: 452, kept: [] },
  { name: 'refuses the content', to: ['refuse@a.test'], fails: 554, kept: [] },
  { name: 'drops after keeping', to: ['drop@a.test'], fails: 'lost', kept: [['drop@a.test']] },
  { name: 'drops without keeping', to: ['lose@a.test'], fails: 'lost', kept: [] },
  {
    name: 'follows a script of the test',
    to: ['me@a.test'],
    options: { behaviours: { me: { at: 'data', reply: '421 4.3.2 Going down' } } },
    fails: 421,
    kept: [],
  },
  {
    name: 'wants credentials',
    to: ['x@a.test'],
    options: { auth: { user: 'u', password: 'p' } },
    fails: 530,
    kept: [],
  },
  { name: 'has a limit', to: ['x@a.test'], options: { maxBytes: 10 }, fails: 552, kept: [] },
]

for (const { name, to, options, fails, rejected = [], kept } of cases) {
  test(`the peer ${name}`, async () => {
    await using peer = await startSmtpPeer(options)
    if (fails === undefined) assert.deepEqual((await send(peer, to)).rejected, rejected)
    else {
      await assert.rejects(send(peer, to), (error: Error & { responseCode?: number }) => {
        assert.equal(error.responseCode ?? 'lost', fails, error.message)
        return true
      })
    }
    assert.deepEqual(
      peer.received().map(({ envelope }) => envelope.recipients),
      kept,
    )
  })
}

test('the peer records envelope, bytes, user and TLS of each message, and each attempt', async () => {
  await using peer = await startSmtpPeer({ auth: { user: 'u@x', password: 'p' }, startTls: true })
  assert.equal(peer.url, `smtp://u%40x:p@127.0.0.1:${peer.port}`)
  await send(peer, ['x@a.test'], { user: 'u@x', pass: 'p', startTls: true })
  const [message] = await peer.waitFor(1)
  assert.deepEqual(message?.envelope, { returnPath: 'bounces@kabutar.test', recipients: ['x@a.test'] })
  assert.equal(message?.raw.toString(), RAW)
  assert.deepEqual([message?.user, message?.secure], ['u@x', true])
  assert.deepEqual(
    peer.attempts().map(({ recipient, replyCode }) => [recipient, replyCode]),
    [['x@a.test', 250]],
  )
})

test('a script with times ends for each recipient separately', async () => {
  await using peer = await startSmtpPeer()
  await assert.rejects(send(peer, ['once@a.test']), { responseCode: 450 })
  await send(peer, ['once@a.test'])
  await assert.rejects(send(peer, ['once@b.test']), { responseCode: 450 })
  await assert.rejects(send(peer, ['drop@a.test']))
  await send(peer, ['drop@a.test'])
  assert.equal((await peer.waitFor((all) => all.length === 3)).length, 3)
})

test('waiting for messages times out', async () => {
  await using peer = await startSmtpPeer()
  await assert.rejects(peer.waitFor(1, 20), /only 0 messages came within 20 ms/)
})

test('a closed peer refuses connections, and its port can be used again', async () => {
  const first = await startSmtpPeer()
  await first.close()
  await assert.rejects(send(first, ['x@a.test']), { code: 'ESOCKET' })
  await using second = await startSmtpPeer({ port: first.port })
  await send(second, ['x@a.test'])
  assert.equal(second.received().length, 1)
})
