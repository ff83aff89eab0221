import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { auditMailbox } from '@kabutar/testing/mailbox-audit.ts'
import { appended, type MailboxRig, mailboxRig, received } from '@kabutar/testing/mailbox-rig.ts'
import { contentKey } from '../messages/references.ts'
import { contentsPartition } from '../store/mailbox-keys.ts'
import { mailboxesFor } from './addresses.ts'
import { append } from './append.ts'
import { copy } from './copy.ts'
import { deliver } from './deliver.ts'
import { listDrafts, removeDraft, saveDraft } from './drafts.ts'
import { flag } from './flag.ts'
import { listFolders, makeFolder, removeFolder, renameFolder } from './folders.ts'
import { workOffMailbox } from './jobs.ts'
import { label, listLabels, makeLabel, removeLabel, updateLabel } from './labels.ts'
import { createMailbox, deleteMailbox, getMailbox, listMailboxes, updateMailbox } from './mailboxes.ts'
import { move } from './move.ts'
import { getThread } from './thread-mails.ts'

const inTime = async (work: (rig: MailboxRig) => Promise<unknown>) => {
  const rig = await mailboxRig()
  await rig.during(work(rig))
}

describe('mailboxes', () => {
  test('take mail for their addresses, tags and domains', () =>
    inTime(async (rig) => {
      const { id: all } = await createMailbox(rig, 'a', { name: 'All', addresses: ['*@kabutar.test'] })
      const asked = ['ADA@kabutar.test', 'ada+x@kabutar.test', 'bob@kabutar.test', 'bob@far.test']
      const found = await mailboxesFor(rig.table, 'a', asked)
      const own = rig.box.mailboxId
      assert.deepEqual(
        [...found],
        [
          [asked[0], own],
          [asked[1], own],
          [asked[2], all],
        ],
      )
    }))

  test('have addresses that are theirs alone, and free once they go', () =>
    inTime(async (rig) => {
      const wanted = { name: 'B', addresses: ['ada@kabutar.test'] }
      await rig.clock.sleep(1)
      await assert.rejects(createMailbox(rig, 'a', wanted), { code: 'conflict' })
      await assert.rejects(createMailbox(rig, 'a', { ...wanted, addresses: ['x@far.test'] }), {
        code: 'invalid_parameter',
      })
      await updateMailbox(rig, rig.box, { addresses: ['ada2@kabutar.test'], name: 'Ada 2' })
      assert.equal((await getMailbox(rig, rig.box)).name, 'Ada 2')
      const { id } = await createMailbox(rig, 'a', wanted)
      await assert.rejects(updateMailbox(rig, rig.box, { addresses: wanted.addresses }), { code: 'conflict' })
      const { items } = await listMailboxes(rig.table, 'a', { limit: 9 })
      assert.deepEqual(
        items.map((one) => one.id),
        [id, rig.box.mailboxId],
      )
    }))

  test('refuse what is over their quota', () =>
    inTime(async (rig) => {
      await updateMailbox(rig, rig.box, { quotaBytes: 2500 })
      const mails = [await received(rig, 'a'), await received(rig, 'a'), await received(rig, 'a')]
      assert.deepEqual(await deliver(rig, rig.box, mails), ['placed', 'placed', 'over_quota'])
      await assert.rejects(append(rig, rig.box, 'sent', [appended(rig, 'a')]), { code: 'storage_full' })
      await assert.rejects(copy(rig, rig.box, 'inbox', [1], 'archive'), { code: 'storage_full' })
    }))

  test('are gone at once when they are deleted, and empty after their job', () =>
    inTime(async (rig) => {
      const { box, table } = rig
      const one = appended(rig, 'a')
      const mail = await received(rig, 'a')
      await append(rig, box, 'sent', [one])
      await deliver(rig, box, [mail])
      await copy(rig, box, 'inbox', [1], 'archive')
      await deleteMailbox(rig, box)
      await assert.rejects(getMailbox(rig, box), { code: 'not_found' })
      await assert.rejects(deliver(rig, box, [mail]), { code: 'not_found' })
      await workOffMailbox(rig, box, 'empty-mailbox', box.mailboxId)
      assert.deepEqual((await table.query({ pk: contentsPartition(box), limit: 9 })).items, [])
      assert.equal((await table.get(contentKey('a', one.arrival.content)))?.refs, 0)
      assert.equal((await table.get(contentKey('a', mail.content)))?.refs, 1)
      await workOffMailbox(rig, box, 'empty-mailbox', box.mailboxId)
      await createMailbox(rig, 'a', { name: 'Ada', addresses: ['ada@kabutar.test'] })
    }))
})

describe('folders', () => {
  test('have names of their own among their siblings', () =>
    inTime(async (rig) => {
      const one = await makeFolder(rig, rig.box, { name: 'One' })
      const inner = await makeFolder(rig, rig.box, { name: 'One', parent: one.id })
      for (const name of ['One', 'inbox', 'Sent', ' ', 'a\nb']) {
        await assert.rejects(makeFolder(rig, rig.box, { name }), /code|name/)
      }
      await assert.rejects(renameFolder(rig, rig.box, one.id, { parent: inner.id }), { code: 'conflict' })
      await assert.rejects(renameFolder(rig, rig.box, 'inbox', { name: 'x' }), { code: 'conflict' })
      await assert.rejects(removeFolder(rig, rig.box, one.id), { code: 'conflict' })
      await assert.rejects(removeFolder(rig, rig.box, 'trash'), { code: 'conflict' })
      await renameFolder(rig, rig.box, inner.id, { name: 'Two', parent: null })
      const found = (await listFolders(rig, rig.box)).find(({ id }) => id === inner.id)
      assert.deepEqual([found?.name, found?.parent, found?.uidValidity], ['Two', undefined, inner.uidValidity])
    }))

  test('that are removed are gone at once, and their messages after the job', () =>
    inTime(async (rig) => {
      const { box } = rig
      const { id } = await makeFolder(rig, box, { name: 'F' })
      const mails = [await received(rig, 'a'), await received(rig, 'a')]
      await deliver(rig, box, mails)
      await move(rig, box, 'inbox', [1, 2], id)
      await removeFolder(rig, box, id)
      await assert.rejects(move(rig, box, 'inbox', [1], id), { code: 'not_found' })
      await workOffMailbox(rig, box, 'empty-folder', id)
      const { placements, threads, state } = await auditMailbox(rig.table, box)
      assert.deepEqual([placements, threads, state.bytes], [[], [], 0])
      assert.equal((await rig.table.get(contentKey('a', mails[0]?.content ?? assert.fail())))?.refs, 1)
    }))
})

describe('labels', () => {
  test('are made, renamed, put on threads, and taken from all when they go', () =>
    inTime(async (rig) => {
      const { box } = rig
      const mail = await received(rig, 'a')
      await deliver(rig, box, [mail])
      const [one, two] = [
        await makeLabel(rig, box, { name: 'One', color: '#e93d82' }),
        await makeLabel(rig, box, { name: 'Two', color: '#000000' }),
      ]
      await assert.rejects(makeLabel(rig, box, { name: 'One', color: '#000000' }), { code: 'conflict' })
      await assert.rejects(makeLabel(rig, box, { name: 'x', color: 'red' }), { code: 'invalid_parameter' })
      await assert.rejects(label(rig, box, mail.id, 'add', ['nothing']), { code: 'not_found' })
      assert.deepEqual(await label(rig, box, mail.id, 'add', [one.id, two.id]), [one.id, two.id].sort())
      await updateLabel(rig, box, one.id, { name: 'Uno' })
      await removeLabel(rig, box, two.id)
      assert.deepEqual(
        (await listLabels(rig, box)).map(({ name }) => name),
        ['Uno'],
      )
      await workOffMailbox(rig, box, 'clear-label', two.id)
      assert.deepEqual((await getThread(rig.table, box, mail.id)).labels, [one.id])
      await auditMailbox(rig.table, box)
    }))
})

describe('flags', () => {
  test('change as they are told, and not what was changed since', () =>
    inTime(async (rig) => {
      const { box } = rig
      await deliver(rig, box, [await received(rig, 'a'), await received(rig, 'a')])
      const change = (uids: number[], some: object) =>
        flag(rig, box, 'inbox', uids, { how: 'add', flags: [], keywords: [], ...some })
      assert.deepEqual(await change([1, 9], { flags: ['seen'], keywords: ['$Work'] }), ['changed', 'gone'])
      assert.deepEqual(await change([1, 2], { flags: ['seen'], unchangedSince: 2 }), ['modified', 'changed'])
      assert.deepEqual(await change([1], { keywords: ['$work'] }), ['same'])
      assert.deepEqual(await change([1], { how: 'replace', flags: ['flagged'] }), ['changed'])
      await assert.rejects(change([1], { keywords: ['a b'] }), { code: 'invalid_parameter' })
      const many = Array.from({ length: 65 }, (_, i) => `k${i}`)
      await assert.rejects(change([1], { keywords: many }), { code: 'invalid_parameter' })
      const { placements } = await auditMailbox(rig.table, box)
      assert.deepEqual(
        placements.map(({ flags, keywords }) => [flags, keywords]),
        [
          [['flagged'], []],
          [['seen'], []],
        ],
      )
    }))
})

test('drafts are counted in the mailbox and in their thread', () =>
  inTime(async (rig) => {
    const { box } = rig
    const mail = await received(rig, 'a')
    await deliver(rig, box, [mail])
    const draft = { id: rig.ids.next(), fields: { subject: 's' }, thread: mail.id }
    await saveDraft(rig, box, draft)
    await saveDraft(rig, box, { ...draft, fields: { subject: 't' } })
    const { items } = await listDrafts(rig.table, box, { limit: 9 })
    assert.deepEqual(
      items.map(({ fields }) => fields),
      [{ subject: 't' }],
    )
    assert.equal((await getThread(rig.table, box, mail.id)).drafts, 1)
    await removeDraft(rig, box, draft.id)
    assert.equal((await getThread(rig.table, box, mail.id)).drafts, 0)
    await assert.rejects(removeDraft(rig, box, draft.id), { code: 'not_found' })
  }))
