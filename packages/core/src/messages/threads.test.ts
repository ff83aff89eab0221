import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { drainReceived, letter, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { DRAFT, drain, KEY, queueAttempt } from '@kabutar/testing/sending-rig.ts'
import { submit } from '../sending/submit.ts'
import { messageIdKey } from '../store/keys.ts'
import { getReceived } from './read.ts'
import { answeredIds } from './threads.ts'

const SES_ID = '<0102-x@eu-west-1.amazonses.com>'

async function rig(seenId: string | undefined) {
  const ports = await receivePorts()
  ports.relay.answer = () => ({
    relayId: 'r',
    outcome: 'sent',
    rejected: [],
    ...(seenId !== undefined && { messageId: seenId }),
  })
  return ports
}

async function send(ports: ReceiveRig, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const { id } = await submit(ports, KEY, { ...DRAFT, headers })
  await drain(ports)
  return id
}

/** Receives a letter with these header fields; answers its thread. */
async function threadOf(ports: ReceiveRig, fields: string): Promise<string> {
  const [id = ''] = await take(ports, letter(`From: bob@y.test\nTo: ada@kabutar.test\n${fields}`))
  assert.deepEqual(await drainReceived(ports), [])
  return (await getReceived(ports.table, 'a', id)).thread
}

describe('a reply lands in the thread of the sent message', () => {
  const cases = [
    { name: 'by the id that the relay wrote', seen: SES_ID, fields: () => `In-Reply-To: ${SES_ID}` },
    { name: 'by References alone', seen: SES_ID, fields: () => `References: <x@y.test> ${SES_ID}` },
    { name: 'by ours, which the relay replaced', seen: SES_ID, fields: (own: string) => `In-Reply-To: ${own}` },
    { name: 'by ours, which recipients see', seen: undefined, fields: (own: string) => `In-Reply-To: ${own}` },
  ]
  for (const { name, seen, fields } of cases) {
    test(name, async () => {
      const ports = await rig(seen)
      const id = await send(ports)
      assert.equal(await threadOf(ports, fields(`<${id}@kabutar.test>`)), id)
    })
  }

  test('or in one of its own if the row that names the thread is damaged', async () => {
    const ports = await rig(SES_ID)
    await send(ports)
    await ports.table.write({ kind: 'put', item: messageIdKey('a', SES_ID) })
    const [id = ''] = await take(ports, letter(`Message-ID: <r@y.test>\nIn-Reply-To: ${SES_ID}`))
    assert.deepEqual(await drainReceived(ports), [])
    assert.equal((await getReceived(ports.table, 'a', id)).thread, id)
  })

  test('that is the thread of the message it answers, though the reply names the nearest Message-ID only', async () => {
    for (const seen of [SES_ID, undefined]) {
      const ports = await rig(seen)
      const thread = await threadOf(ports, 'Message-ID: <question@y.test>')
      const id = await send(ports, { 'in-reply-to': '<question@y.test>' })
      assert.notEqual(thread, id)
      assert.equal(await threadOf(ports, `In-Reply-To: ${seen ?? `<${id}@kabutar.test>`}`), thread)
    }
  })

  test('but not by an id of another account or with another domain', async () => {
    const ports = await rig(SES_ID)
    const id = await send(ports)
    assert.notEqual(await threadOf(ports, `In-Reply-To: <${id}@elsewhere.test>`), id)
    const [other = ''] = await take(ports, letter(`To: x@b.test\nIn-Reply-To: ${SES_ID}`), { recipients: ['x@b.test'] })
    await drainReceived(ports)
    assert.notEqual((await getReceived(ports.table, 'b', other)).thread, id)
  })

  test('although the process died before the outcome was recorded', async () => {
    const ports = await rig(SES_ID)
    let events = 0
    const write: typeof ports.table.write = async (one) => {
      if (events > 0) throw new Error('the process is stopped here')
      if (one.kind === 'put' && one.item.pk.includes('#ev#')) events++
      return ports.table.write(one)
    }
    const { id } = await submit(ports, KEY, DRAFT)
    await drain({ ...ports, table: { ...ports.table, write } })
    await queueAttempt(ports, id)
    await drain({ ...ports, worker: { id: 'boot-2', exclusive: true } })
    assert.equal(ports.relay.relayed.length, 1)
    assert.equal(await threadOf(ports, `In-Reply-To: ${SES_ID}`), id)
  })
})

test('one write unit where the relay has an id of its own, none elsewhere', async () => {
  const units = async (seen: string | undefined) => {
    const ports = await rig(seen)
    // The first message of a day also writes the day's row.
    await submit(ports, KEY, DRAFT)
    const table = countingTable(ports.table)
    const { id } = await submit({ ...ports, table }, KEY, DRAFT)
    await ports.sendQueue.settle(
      (await ports.sendQueue.receive({ max: 10, visibilityMs: 1000, waitMs: 0 })).map((delivery) => ({
        delivery,
        ok: true,
      })),
    )
    await queueAttempt(ports, id)
    await drain({ ...ports, table })
    return table.units().write
  }
  assert.equal((await units(SES_ID)) - (await units(undefined)), 1)
})

test('the Message-IDs that a draft answers are read from its headers, the nearest first', () => {
  const cases: readonly [Readonly<Record<string, string>>, readonly string[]][] = [
    [{}, []],
    [{ 'X-Other': '<a@b>' }, []],
    [{ 'In-Reply-To': '<b@x>', References: '<a@x>\r\n <b@x>' }, ['<b@x>', '<b@x>', '<a@x>']],
    [{ references: 'nonsense <a@x>, <b@x' }, ['<a@x>']],
  ]
  for (const [headers, expected] of cases) assert.deepEqual(answeredIds(headers), expected)
})
