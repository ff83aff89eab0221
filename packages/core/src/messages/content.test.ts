import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { DRAFT, drain, KEY, type Rig, testPorts } from '@kabutar/testing/sending-rig.ts'
import { type Item, StoreError, type Table } from '../ports/table.ts'
import { submit } from '../sending/submit.ts'
import type { Draft } from './draft.ts'
import { messageKey } from './message.ts'
import { deleteMessage, getWhole } from './read-sent.ts'

const MANY = Array.from(
  { length: 200 },
  (_, n) => `<tr>\n<td class="k${n}">part ${(n * 7919) % 1000} of all</td>\n</tr>`,
)
/** A template of 8 KB that says something to its recipient. */
const mail = (to: string, secret: string, template = MANY): Draft => ({
  ...DRAFT,
  to: [{ name: '', address: to }],
  html: `<h1>Shop</h1>\n<p>Dear ${secret}</p>\n${template.join('\n')}\n<p>end</p>`,
})
const rig = async (): Promise<Rig & { dictionaries: boolean }> => ({
  ...(await testPorts()),
  packAbove: 0,
  dictionaries: true,
})
/** Another process has its own memory of the same table. */
const otherProcess = (ports: Rig): Rig & { dictionaries: boolean } => ({
  ...ports,
  table: { ...ports.table },
  dictionaries: true,
})
const rowOf = (ports: Rig, id: string) => ports.table.get(messageKey(KEY.accountId, id))
const sendersOf = async (ports: Rig) => (await ports.table.query({ pk: 'a#dicts', limit: 10 })).items
const knownIn = (row: Item | undefined) => (row?.known ?? []) as unknown as readonly { name: string }[]

async function dictionaryTexts(ports: Rig): Promise<readonly string[]> {
  const names = (await sendersOf(ports)).flatMap((row) => knownIn(row).map(({ name }) => name))
  const rows = await Promise.all(names.map((name) => ports.table.get({ pk: `a#dict#${name}`, sk: 'v' })))
  return rows.map((row) => inflateRawSync(Buffer.from(row?.data as string, 'base64')).toString())
}

async function submitThree(ports: Rig, secrets = ['Ada', 'Ben', 'Cleo'], template = MANY): Promise<string[]> {
  const ids: string[] = []
  for (const secret of secrets) ids.push((await submit(ports, KEY, mail(`${secret}@y.test`, secret, template))).id)
  return ids
}

test('what is short lies in the first kilobyte of its message, what is longer beside it', async () => {
  const ports = await testPorts()
  for (const [text, place] of [
    ['hi', 'here'],
    ['x'.repeat(900), 'row'],
  ] as const) {
    const { id } = await submit(ports, KEY, { ...DRAFT, text })
    assert.equal((await rowOf(ports, id))?.content, place)
    assert.equal((await getWhole(ports, KEY.accountId, id)).content?.text, text)
  }
})

test('deleting a message takes the content out of its row', async () => {
  const ports = await testPorts()
  const { id } = await submit(ports, KEY, { ...DRAFT, text: 'a secret' })
  await drain(ports)
  await deleteMessage(ports, KEY.accountId, id)
  assert.doesNotMatch(JSON.stringify(await rowOf(ports, id)), /secret/)
  assert.equal((await getWhole(ports, KEY.accountId, id)).content, undefined)
})

test('the third mail of a template makes a dictionary, against which mails fit their row, in any process', async () => {
  const ports = await rig()
  const ids = await submitThree(ports)
  const other = otherProcess(ports)
  const { id } = await submit(other, KEY, mail('dora@y.test', 'Dora'))
  for (const [n, place] of ['row', 'row', 'here', 'here'].entries()) {
    const name = ['Ada', 'Ben', 'Cleo', 'Dora'][n] ?? ''
    const at = [...ids, id][n] ?? ''
    assert.equal((await rowOf(ports, at))?.content, place)
    const { content } = await getWhole(otherProcess(ports), KEY.accountId, at)
    assert.equal(content?.html, mail('', name).html)
  }
  assert.equal(await drain(ports), 4)
  assert.equal(ports.relay.relayed.length, 4)
})

test('a dictionary holds nothing that was written to one recipient alone, nor to two', async () => {
  const ports = await rig()
  for (const [n, secret] of ['Ada', 'Ben', 'Ben'].entries()) await submit(ports, KEY, mail(`${n}@y.test`, secret))
  const [text = ''] = await dictionaryTexts(ports)
  assert.match(text, /part 919 of all/)
  assert.doesNotMatch(text, /Ada|Ben/)
})

test('mails to one recipient make no dictionary, however many there are', async () => {
  const ports = await rig()
  for (let n = 0; n < 6; n++) await submit(ports, KEY, mail(n % 2 ? 'ada@y.test' : 'ADA@y.test', 'Ada'))
  assert.deepEqual(await sendersOf(ports), [])
  await submit(ports, KEY, mail('ben@y.test', 'Ada'))
  assert.deepEqual(await sendersOf(ports), [])
})

test('of processes that make one at once, one tells of it, and every mail is readable', async () => {
  const ports = await rig()
  const processes = [1, 2, 3].map(() => otherProcess(ports))
  const ids = (await Promise.all(processes.map((one) => submitThree(one)))).flat()
  assert.equal(knownIn((await sendersOf(ports))[0]).length, 1)
  for (const id of ids) assert.match((await getWhole(ports, KEY.accountId, id)).content?.html ?? '', /part 919/)
})

test('a sender has eight dictionaries; a ninth comes ten minutes after the eighth', async () => {
  const ports = await rig()
  const template = (n: number) => MANY.map((part) => part.replace('of all', `of the ${n}. template`))
  for (let n = 0; n < 9; n++) await submitThree(ports, undefined, template(n))
  const before = knownIn((await sendersOf(ports))[0]).map(({ name }) => name)
  assert.equal(before.length, 8)
  ports.clock.advance(10 * 60_000)
  await submitThree(ports, undefined, template(9))
  const after = knownIn((await sendersOf(ports))[0]).map(({ name }) => name)
  assert.deepEqual(after.slice(1), before.slice(0, 7))
})

test('one that fits its mails better takes the place of another ten minutes later', async () => {
  const ports = await rig()
  const names = async () => knownIn((await sendersOf(ports))[0]).map(({ name }) => name)
  const longer = [
    ...MANY,
    ...Array.from({ length: 60 }, (_, n) => `<p>${createHash('sha256').update(`${n}`).digest('hex')}</p>`),
  ]
  await submitThree(ports)
  const before = await names()
  const ids = await submitThree(ports, undefined, longer)
  assert.deepEqual(await names(), before)
  ports.clock.advance(10 * 60_000)
  ids.push(...(await submitThree(ports, undefined, longer)))
  const after = await names()
  assert.equal(after.length, 1)
  assert.notDeepEqual(after, before)
  for (const id of ids) assert.match((await getWhole(ports, KEY.accountId, id)).content?.html ?? '', /part 919/)
})

test('without its dictionary a mail is unavailable, and never something else', async () => {
  const ports = await rig()
  const [, , id = ''] = await submitThree(ports)
  const [{ name = '' } = {}] = knownIn((await sendersOf(ports))[0])
  const key = { pk: `a#dict#${name}`, sk: 'v' }
  await ports.table.write({ kind: 'put', item: { ...key, data: deflateRawSync('another').toString('base64') } })
  await assert.rejects(getWhole(otherProcess(ports), KEY.accountId, id), { code: 'unavailable' })
  await ports.table.write({ kind: 'delete', key })
  await assert.rejects(getWhole(otherProcess(ports), KEY.accountId, id), { code: 'unavailable' })
})

test('a mail is accepted though dictionaries are not to be had', async () => {
  const isOne = (pk: string) => pk.startsWith('a#dict')
  const busy = () => Promise.reject(new StoreError('Throttled', 'busy'))
  const faults: readonly ((table: Table) => Partial<Table>)[] = [
    (table) => ({ get: (key) => (isOne(key.pk) ? busy() : table.get(key)) }),
    (table) => ({ write: (write) => (write.kind === 'put' && isOne(write.item.pk) ? busy() : table.write(write)) }),
    // Between the dictionary and the row that tells of it.
    (table) => ({
      write: (write) => (write.kind === 'put' && write.item.pk === 'a#dicts' ? busy() : table.write(write)),
    }),
  ]
  for (const fault of faults) {
    const ports = await rig()
    const ids = await submitThree({ ...ports, table: { ...ports.table, ...fault(ports.table) } })
    for (const id of ids) assert.equal((await rowOf(ports, id))?.content, 'row')
    await submitThree(ports, ['Dora', 'Emil', 'Fay'])
    assert.equal(knownIn((await sendersOf(ports))[0]).length, 1)
  }
})
