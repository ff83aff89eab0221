import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seeded } from '@kabutar/testing/faults.ts'
import { auditMailbox, rootOf } from '@kabutar/testing/mailbox-audit.ts'
import { type Letter, type MailboxRig, mailboxRig, received } from '@kabutar/testing/mailbox-rig.ts'
import { strangersAmong } from './addresses.ts'
import { deliver } from './deliver.ts'
import { listThreads } from './list-threads.ts'
import { baseSubject, isReply } from './subjects.ts'
import { getThread, listThreadMails } from './thread-mails.ts'

const DAY_MS = 24 * 3_600_000

async function delivered(rig: MailboxRig, letters: readonly Letter[], atOnce: boolean): Promise<void> {
  const arrivals = await Promise.all(letters.map((letter) => received(rig, 'a', letter)))
  if (atOnce) await Promise.all(arrivals.map((one) => deliver(rig, rig.box, [one])))
  else for (const one of arrivals) await deliver(rig, rig.box, [one])
}

/** Which Message-IDs are in one thread, as sets. */
async function groupsOf(rig: MailboxRig, names: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const rows = await auditMailbox(rig.table, rig.box)
  const groups = Map.groupBy(rows.placements, ({ thread }) => rootOf(rows, thread))
  return [...groups.values()]
    .map((some) =>
      some
        .map(({ id }) => names.get(id) ?? '')
        .sort()
        .join(' '),
    )
    .sort()
}

const TREE: Readonly<Record<string, readonly string[]>> = {
  a: [],
  b: ['a'],
  c: ['b', 'a'],
  d: ['lost'],
  e: ['lost', 'a'],
  x: [],
  y: ['x'],
  z: ['far', 'x'],
  alone: [],
}

describe('threads', () => {
  for (let seed = 1; seed <= Number(process.env.KABUTAR_SEEDS ?? 6); seed++) {
    test(`are the same in any order of arrival, also at once (order ${seed})`, async () => {
      const rig = await mailboxRig()
      const random = seeded(seed)
      const names = new Map<string, string>()
      const letters = Object.entries(TREE).map(([name, references]): Letter => {
        const id = rig.ids.next()
        names.set(id, name)
        return { id, messageIds: [`<${name}@t>`], references: references.map((one) => `<${one}@t>`) }
      })
      const order = letters.map((letter) => ({ letter, at: random() })).sort((a, b) => a.at - b.at)
      const sorted = order.map(({ letter }) => letter)
      await rig.during(delivered(rig, sorted, seed % 2 === 0))
      assert.deepEqual(await rig.during(groupsOf(rig, names)), ['a b c d e', 'alone', 'x y z'])
    })
  }

  test('that are joined answer by either id, with all their messages oldest first', async () => {
    const rig = await mailboxRig()
    const letters = [
      { messageIds: ['<1@t>'], receivedAt: 1000 },
      { messageIds: ['<2@t>'], receivedAt: 2000 },
      { messageIds: ['<3@t>'], references: ['<2@t>', '<1@t>'], receivedAt: 1500 },
    ]
    await rig.during(
      (async () => {
        const arrivals = await Promise.all(letters.map((letter) => received(rig, 'a', letter)))
        for (const one of arrivals) await deliver(rig, rig.box, [one])
        const [first, second] = arrivals
          .slice(0, 2)
          .map(({ id }) => id)
          .sort()
        const thread = await getThread(rig.table, rig.box, second ?? '')
        assert.equal(thread.id, first)
        const page = async (options: object) => {
          const { items, hasMore } = await listThreadMails(rig.table, rig.box, thread.id, { limit: 2, ...options })
          return [items.map(({ receivedAt }) => receivedAt), hasMore]
        }
        assert.deepEqual(await page({}), [[1000, 1500], true])
        assert.deepEqual(await page({ after: arrivals[2]?.id }), [[2000], false])
        assert.deepEqual(await page({ before: arrivals[1]?.id }), [[1000, 1500], false])
        assert.equal((await listThreads(rig.table, rig.box, {}, { limit: 9 })).items.length, 1)
      })(),
    )
  })
})

describe('threads by subject', () => {
  const cases: readonly {
    readonly name: string
    readonly first?: Letter
    readonly reply: Letter
    readonly together: boolean
  }[] = [
    { name: 'a reply of the same stranger', reply: {}, together: true },
    { name: 'a reply in German', reply: { subject: 'AW: Re[2]: invoice  7' }, together: true },
    { name: 'a reply of another stranger', reply: { strangers: ['mallory@far.test'] }, together: false },
    { name: 'no reply', reply: { subject: 'Invoice 7' }, together: false },
    { name: 'another subject', reply: { subject: 'Re: Invoice 8' }, together: false },
    { name: 'a reply after 31 days', reply: { receivedAt: 31 * DAY_MS }, together: false },
    {
      name: 'a reply before the message',
      first: { receivedAt: 2 * DAY_MS },
      reply: { receivedAt: DAY_MS },
      together: false,
    },
    { name: 'nobody but the account', first: { strangers: [] }, reply: { strangers: [] }, together: false },
    { name: 'references that lead nowhere', reply: { references: ['<lost@t>'] }, together: true },
    { name: 'no subject', first: { subject: '' }, reply: { subject: 'Re:' }, together: false },
  ]
  for (const { name, first, reply, together } of cases) {
    test(`${name}: ${together ? 'one' : 'two'}`, async () => {
      const rig = await mailboxRig()
      const base = { subject: 'Invoice 7', receivedAt: 0, ...first }
      const second = { subject: 'Re: Invoice 7', receivedAt: DAY_MS, ...reply }
      await rig.during(delivered(rig, [base, second], false))
      const { threads } = await rig.during(auditMailbox(rig.table, rig.box))
      assert.equal(threads.length, together ? 1 : 2)
    })
  }

  test('strip the prefixes of replies in several languages', () => {
    for (const subject of ['Re: x', 'RE : x', 'Aw: x', 'Sv: x', 'Отв: x', 'Javob: x', 'Re[3]: Re: x', '回复:x']) {
      assert.ok(isReply(subject), subject)
      assert.equal(baseSubject(subject), 'x', subject)
    }
    for (const subject of ['Research: x', 'x re: y', 'Fwd: x', '']) assert.ok(!isReply(subject), subject)
  })

  test('take nobody of the account for a participant', async () => {
    const rig = await mailboxRig()
    const all = ['eve@far.test', 'ada@kabutar.test', 'bob@KABUTAR.test', '']
    assert.deepEqual(await rig.during(strangersAmong(rig.table, 'a', all)), ['eve@far.test'])
  })
})
