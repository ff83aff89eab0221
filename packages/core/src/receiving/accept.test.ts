import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LETTER, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { blobKey } from '../messages/blob-keys.ts'
import { accept, recipientOwner, type StoreAtOnce } from './accept.ts'
import { parseReceiveEntry } from './entries.ts'

const idIn = (body: string) => {
  const entry = parseReceiveEntry(body)
  return 'id' in entry ? entry.id : ''
}

describe('the owner of an address', () => {
  const cases: { address: string; owner?: string; code?: string }[] = [
    { address: 'ada@kabutar.test', owner: 'a' },
    { address: 'ADA@KABUTAR.TEST', owner: 'a' },
    { address: 'postmaster@kabutar.test', owner: 'a' },
    { address: 'bounces+0199a0b0-0000-7000-8000-000000000001@kabutar.test', owner: 'a' },
    { address: '"a b"@b.test', owner: 'b' },
    { address: 'müller@b.test', owner: 'b' },
    { address: 'ada@other.test', code: 'relay_denied' },
    { address: 'ada@sub.kabutar.test', code: 'relay_denied' },
    { address: 'ada@[192.0.2.1]', code: 'relay_denied' },
    { address: 'ada@kabutar.test@other.test', code: 'relay_denied' },
    { address: 'ada', code: 'relay_denied' },
    { address: '', code: 'relay_denied' },
    { address: '@kabutar.test', code: 'recipient_unknown' },
    { address: `${'x'.repeat(256)}@kabutar.test`, owner: 'a' },
    { address: `${'x'.repeat(257)}@kabutar.test`, code: 'recipient_unknown' },
  ]
  for (const { address, owner, code } of cases) {
    test(`${address.slice(0, 70)} -> ${owner ?? code}`, async () => {
      const { table } = await receivePorts()
      if (owner !== undefined) assert.equal(await recipientOwner(table, address), owner)
      else await assert.rejects(recipientOwner(table, address), { code })
    })
  }
})

function received(body: string) {
  const entry = parseReceiveEntry(body)
  assert.ok(entry.kind === 'receive')
  return entry
}

describe('accepted is blob and queue entry', () => {
  test('one of each for an account, with its recipients only', async () => {
    const ports = await receivePorts()
    const id = ports.ids.next()
    const recipients = ['ada@kabutar.test', 'bob@b.test', 'ADA2@second.test']
    const ids = await take(ports, LETTER, { id, recipients })
    assert.equal(ids[0], id)
    const batch = await ports.receiveQueue.receive({ max: 10, visibilityMs: 1000, waitMs: 0 })
    const entries = batch.map(({ body }) => received(body))
    assert.deepEqual(
      entries.map(({ accountId, envelope }) => [accountId, envelope.recipients]),
      [
        ['a', ['ada@kabutar.test', 'ADA2@second.test']],
        ['b', ['bob@b.test']],
      ],
    )
    for (const { accountId, id } of entries) {
      const raw = await ports.blobs.get(blobKey(accountId, id))
      assert.equal(Buffer.from(raw ?? []).toString(), LETTER)
    }
    assert.deepEqual(entries[0]?.envelope, {
      returnPath: 'eve@far.test',
      recipients: ['ada@kabutar.test', 'ADA2@second.test'],
      remoteAddress: '192.0.2.1',
      helo: 'far.test',
      tls: true,
      receivedAt: ports.clock.now(),
    })
  })

  test('a body that ends too early or is too large leaves nothing', async () => {
    const ports = await receivePorts()
    const inbound = {
      id: ports.ids.next(),
      returnPath: '',
      recipients: ['ada@kabutar.test'],
      remoteAddress: '',
      helo: '',
      tls: false,
    }
    const gone = (async function* () {
      yield Buffer.from('From: a')
      throw new Error('the peer went away')
    })()
    await assert.rejects(accept(ports, inbound, gone), /the peer went away/)
    const megabyte = Buffer.alloc(1024 * 1024)
    const endless = (async function* () {
      for (let i = 0; i < 41; i++) yield megabyte
    })()
    await assert.rejects(accept(ports, inbound, endless), { code: 'message_too_large' })
    await assert.rejects(accept(ports, { ...inbound, recipients: ['x@other.test'] }, Buffer.from('x')), {
      code: 'relay_denied',
    })
    assert.equal(await ports.blobs.get(blobKey('a', inbound.id)), undefined)
    assert.deepEqual(await ports.receiveQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
  })

  test('a body in memory is stored with its entries at once where that is possible, a stream before them', async () => {
    const ports = await receivePorts()
    const stored: { keys: string[]; ids: string[] }[] = []
    const storeAtOnce: StoreAtOnce = async (contents, entries) => {
      stored.push({
        keys: contents.map(({ key }) => key),
        ids: entries.map(({ body }) => idIn(body)),
      })
    }
    const inbound = {
      id: ports.ids.next(),
      returnPath: '',
      recipients: ['ada@kabutar.test', 'bob@b.test'],
      remoteAddress: '',
      helo: '',
      tls: false,
    }
    const [a, b] = await accept({ ...ports, storeAtOnce }, inbound, Buffer.from(LETTER))
    assert.deepEqual(stored, [{ keys: [blobKey('a', inbound.id), blobKey('b', b?.id ?? '')], ids: [a?.id, b?.id] }])
    assert.equal((await ports.receiveQueue.depth()).ready, 0)
    const streaming = (async function* () {
      yield Buffer.from(LETTER)
    })()
    await accept({ ...ports, storeAtOnce }, inbound, streaming)
    assert.equal(stored.length, 1)
    assert.equal((await ports.receiveQueue.depth()).ready, 2)
    const tooLarge = Buffer.alloc(40 * 1024 * 1024 + 1)
    await assert.rejects(accept({ ...ports, storeAtOnce }, inbound, tooLarge), { code: 'message_too_large' })
  })
})
