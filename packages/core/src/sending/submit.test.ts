import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DRAFT, drain, KEY, type Rig, testPorts } from '@kabutar/testing/sending-rig.ts'
import { claimDomain } from '../domains/domains.ts'
import { deleteSent } from '../messages/delete-sent.ts'
import { getSent, getWholeSent, listSent } from '../messages/read.ts'
import { StoreError } from '../ports/table.ts'
import { submit } from './submit.ts'

const DAY = 86_400_000
const count = async (ports: Rig) => (await ports.sendQueue.depth()).ready
const nothing = async (ports: Rig) => {
  assert.equal(await count(ports), 0)
  assert.deepEqual(await listSent(ports, KEY.accountId, { limit: 100 }), { items: [], hasMore: false })
}

describe('submit refuses, and stores and queues nothing', () => {
  const many = Array.from({ length: 51 }, (_, i) => ({ name: '', address: `r${i}@y.test` }))
  const cases = [
    {
      name: 'a domain nobody has',
      draft: { from: { name: '', address: 'a@other.test' } },
      code: 'sender_not_verified',
    },
    {
      name: "another account's domain",
      draft: { from: { name: '', address: 'a@b.test' } },
      code: 'sender_not_verified',
    },
    { name: 'no recipients', draft: { to: [] }, code: 'missing_field' },
    { name: '51 recipients', draft: { to: many }, code: 'too_many_recipients' },
    {
      name: '51 recipients over to, cc and bcc',
      draft: { to: many.slice(0, 1), cc: many.slice(1, 26), bcc: many.slice(26) },
      code: 'too_many_recipients',
    },
    { name: 'a line break in the subject', draft: { subject: 'a\r\nBcc: eve@y.test' }, code: 'invalid_message' },
    { name: 'a subject of 999 characters', draft: { subject: 'a'.repeat(999) }, code: 'invalid_message' },
    { name: 'a forbidden header', draft: { headers: { Sender: 'eve@y.test' } }, code: 'invalid_message' },
    { name: 'a line break in a header', draft: { headers: { 'X-A': 'a\nBcc: eve@y.test' } }, code: 'invalid_message' },
    {
      name: 'a message over 40 MB',
      draft: { attachments: [{ filename: 'a', content: Buffer.alloc(31_500_000) }] },
      code: 'message_too_large',
    },
  ]
  for (const { name, draft, code } of cases) {
    test(name, async () => {
      const ports = await testPorts()
      await claimDomain(ports, 'b', 'b.test')
      await assert.rejects(submit(ports, KEY, { ...DRAFT, ...draft }), { code })
      await nothing(ports)
    })
  }

  test('a key of one domain sends from no other', async () => {
    const ports = await testPorts()
    await claimDomain(ports, KEY.accountId, 'second.test')
    const key = { ...KEY, permission: 'sending_access', domain: 'second.test' } as const
    await assert.rejects(submit(ports, key, DRAFT), { code: 'sender_not_verified' })
    await submit(ports, key, { ...DRAFT, from: { name: '', address: 'a@second.test' } })
    assert.equal(await count(ports), 1)
  })
})

test('the sender of every quick start is taken only where no mail leaves', async () => {
  const ports = await testPorts()
  const draft = { ...DRAFT, from: { name: 'Acme', address: 'Onboarding@resend.dev' } }
  await assert.rejects(submit(ports, KEY, draft), { code: 'sender_not_verified' })
  const captured = { ...ports, onboardingSender: true }
  await submit(captured, KEY, draft)
  const other = { ...draft, from: { name: '', address: 'ceo@resend.dev' } }
  await assert.rejects(submit(captured, KEY, other), { code: 'sender_not_verified' })
  const restricted = { ...KEY, permission: 'sending_access', domain: 'kabutar.test' } as const
  await assert.rejects(submit(captured, restricted, draft), { code: 'sender_not_verified' })
})

test('a message that is refused because nothing can be stored is not logged as accepted', async () => {
  const ports = await testPorts()
  const logged: string[] = []
  const note = (message: string) => void logged.push(message)
  const full = () => Promise.reject(new StoreError('Unavailable', 'full'))
  const broken = {
    ...ports,
    log: { debug: note, info: note, warn: note, error: note },
    table: { ...ports.table, writeInOrder: full },
    sendQueue: { ...ports.sendQueue, send: full },
  }
  await assert.rejects(submit(broken, KEY, DRAFT), { code: 'Unavailable' })
  assert.deepEqual(logged, [])
})

describe('idempotency', () => {
  test('32 concurrent equal requests are one message', async () => {
    const ports = await testPorts()
    const answers = await Promise.all(Array.from({ length: 32 }, () => submit(ports, KEY, DRAFT, 'k')))
    assert.equal(new Set(answers.map(({ id }) => id)).size, 1)
    assert.equal((await listSent(ports, KEY.accountId, { limit: 100 })).items.length, 1)
    await drain(ports)
    assert.equal(ports.relay.relayed.length, 1)
  })

  test('32 concurrent unequal requests are one message and 31 refusals', async () => {
    const ports = await testPorts()
    const answers = await Promise.allSettled(
      Array.from({ length: 32 }, (_, i) => submit(ports, KEY, { ...DRAFT, subject: `${i}` }, 'k')),
    )
    const refused = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => reason.code)
    assert.deepEqual(
      refused,
      Array.from({ length: 31 }, () => 'idempotency_mismatch'),
    )
  })

  test('is kept for 24 hours and per account', async () => {
    const ports = await testPorts()
    await claimDomain(ports, 'b', 'b.test')
    const first = await submit(ports, KEY, DRAFT, 'k')
    ports.clock.advance(DAY - 2000)
    assert.deepEqual(await submit(ports, KEY, DRAFT, 'k'), first)
    ports.clock.advance(3000)
    assert.notDeepEqual(await submit(ports, KEY, DRAFT, 'k'), first)
    const theirs = { ...DRAFT, from: { name: '', address: 'a@b.test' } }
    await submit(ports, { ...KEY, accountId: 'b' }, theirs, 'k')
  })

  test('the order of headers does not matter, every byte of an attachment does', async () => {
    const ports = await testPorts()
    const attachment = (byte: number) => [{ filename: 'a', content: Buffer.from([byte]) }]
    const draft = { ...DRAFT, headers: { 'X-A': '1', 'X-B': '2' }, attachments: attachment(1) }
    const first = await submit(ports, KEY, draft, 'k')
    assert.deepEqual(await submit(ports, KEY, { ...draft, headers: { 'X-B': '2', 'X-A': '1' } }, 'k'), first)
    await assert.rejects(submit(ports, KEY, { ...draft, attachments: attachment(2) }, 'k'), {
      code: 'idempotency_mismatch',
    })
  })

  for (const key of ['', 'k'.repeat(257)]) {
    test(`a key of ${key.length} characters is refused`, async () => {
      await assert.rejects(submit(await testPorts(), KEY, DRAFT, key), { code: 'invalid_idempotency_key' })
    })
  }
})

describe('content', () => {
  test('is read as it was written: short, compressed or with attachments', async () => {
    const ports = await testPorts()
    const attachments = [
      { filename: 'a.bin', content: Buffer.from([0, 1, 255]), contentType: 'application/x-a', contentId: 'a' },
      { filename: 'empty', content: Buffer.alloc(0) },
    ]
    for (const draft of [
      DRAFT,
      { ...DRAFT, html: '<p>ä</p>'.repeat(500) },
      { ...DRAFT, attachments, headers: { 'X-A': 'é' } },
    ]) {
      const { id } = await submit(ports, KEY, draft)
      const { content } = await getWholeSent(ports, KEY.accountId, id)
      assert.equal(content?.text, draft.text)
      assert.equal(content?.html, 'html' in draft ? draft.html : undefined)
      assert.deepEqual(content?.headers, draft.headers)
      assert.deepEqual(
        content?.attachments.map((attachment) => ({ ...attachment, content: Buffer.from(attachment.content) })),
        draft.attachments,
      )
    }
  })

  test('is deleted only once the message is final, and the fact that it was sent stays', async () => {
    const ports = await testPorts()
    const { id } = await submit(ports, KEY, { ...DRAFT, tags: [{ name: 'a', value: 'b' }] })
    await assert.rejects(deleteSent(ports, KEY.accountId, id), { code: 'conflict' })
    await drain(ports)
    await deleteSent(ports, KEY.accountId, id)
    await deleteSent(ports, KEY.accountId, id)
    const { message, content } = await getWholeSent(ports, KEY.accountId, id)
    assert.equal(content, undefined)
    assert.deepEqual([message.subject, message.tags, message.to], ['', [], ['bob@y.test']])
    assert.deepEqual((await ports.table.query({ pk: `a#body#${id}`, limit: 1 })).items, [])
  })
})

describe('lists', () => {
  test('page in both directions across mail that is 400 days apart', async () => {
    const ports = await testPorts()
    const ids: string[] = []
    for (const gap of [0, 0, 1, 0, 400 * DAY, 60_000, 0, DAY, 0, 0, 30 * DAY, 0]) {
      ports.clock.advance(gap)
      ids.push((await submit(ports, KEY, DRAFT)).id)
    }
    const newestFirst = [...ids].sort().reverse()
    for (const limit of [1, 2, 5, 12, 100]) {
      assert.deepEqual(await walk(ports, limit, 'after'), newestFirst, `after, by ${limit}`)
      assert.deepEqual(await walk(ports, limit, 'before'), newestFirst.slice(0, -1), `before, by ${limit}`)
    }
  })

  test('a page is full though its mail is of more than 20 days', async () => {
    const ports = await testPorts()
    for (let day = 0; day < 45; day++) {
      ports.clock.advance(DAY)
      await submit(ports, KEY, DRAFT)
    }
    const page = await listSent(ports, KEY.accountId, { limit: 100 })
    assert.deepEqual([page.items.length, page.hasMore], [45, false])
    assert.equal((await walk(ports, 100, 'after')).length, 45)
  })

  test('show nothing of another account', async () => {
    const ports = await testPorts()
    const { id } = await submit(ports, KEY, DRAFT)
    assert.deepEqual((await listSent(ports, 'b', { limit: 100 })).items, [])
    await assert.rejects(getSent(ports.table, 'b', id), { code: 'not_found' })
  })
})

/** All ids, page by page: from the newest by `after`, or from the oldest by `before`; newest first in the end. */
async function walk(ports: Rig, limit: number, direction: 'after' | 'before'): Promise<string[]> {
  const all: string[] = []
  let position: string | undefined
  if (direction === 'before') position = (await walk(ports, 100, 'after')).at(-1)
  for (let pages = 0; pages < 100; pages++) {
    const options = position === undefined ? { limit } : { limit, [direction]: position }
    const { items, hasMore } = await listSent(ports, KEY.accountId, options)
    const ids = items.map((message) => message.id)
    if (direction === 'after') all.push(...ids)
    else all.unshift(...ids)
    if (!hasMore) return all
    position = direction === 'after' ? ids.at(-1) : ids[0]
  }
  throw new Error('the list does not end')
}
