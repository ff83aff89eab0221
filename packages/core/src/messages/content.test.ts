import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { receivePorts } from '@kabutar/testing/receiving-rig.ts'
import { DRAFT, drain, KEY, testPorts } from '@kabutar/testing/sending-rig.ts'
import { submit } from '../sending/submit.ts'
import { sentMessageKey } from '../store/keys.ts'
import type { Draft } from './content.ts'
import { deleteSent } from './delete-sent.ts'
import { getSent, getWholeSent } from './read.ts'

const sentences = (count: number) => Array.from({ length: count }, (_, n) => `Sentence ${(n * 7919) % 1000}.`).join(' ')
const noise = (bytes: number) => randomBytes(bytes).toString('base64')

test('content that is short with its preview lies in its message, longer content in a row, and content of more than 8 KB or with files in a blob', async () => {
  const ports = await receivePorts()
  const file = { filename: 'a.txt', content: Buffer.from('a') }
  const cases: readonly [Partial<Draft>, string][] = [
    [{ text: 'hi' }, 'message'],
    [{ text: 'x'.repeat(400) }, 'row'],
    [{ text: 'x'.repeat(600) }, 'row'],
    [{ text: 'x'.repeat(20_000) }, 'message'],
    [{ text: sentences(2000) }, 'row'],
    [{ text: noise(200_000) }, 'blob'],
    [{ text: 'hi', attachments: [file] }, 'blob'],
  ]
  for (const [some, place] of cases) {
    const draft: Draft = { ...DRAFT, ...some }
    const { id } = await submit(ports, KEY, draft)
    assert.equal((await getSent(ports.table, KEY.accountId, id)).content.place, place)
    const { content } = await getWholeSent(ports, KEY.accountId, id)
    assert.equal(content?.text, draft.text)
    assert.deepEqual(
      content?.attachments.map((one) => Buffer.from(one.content).toString()),
      some.attachments ? ['a'] : [],
    )
  }
})

test('deleting a message takes the content out of its row', async () => {
  const ports = await testPorts()
  const { id } = await submit(ports, KEY, { ...DRAFT, text: 'a secret' })
  await drain(ports)
  await deleteSent(ports, KEY.accountId, id)
  assert.doesNotMatch(JSON.stringify(await ports.table.get(sentMessageKey(KEY.accountId, id))), /secret/)
  assert.equal((await getWholeSent(ports, KEY.accountId, id)).content, undefined)
})
