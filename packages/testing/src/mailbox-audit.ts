/**
 * Counts a mailbox anew from its placements alone, and compares every row that follows from them: folders, threads, lists,
 * places, sums, and the references of contents. Replays its changes, which must tell of exactly these placements.
 */
import assert from 'node:assert/strict'
import type { Change, Folder, JoinedThread, MailboxState, Placement, Thread } from '@kabutar/core/mailboxes/model.ts'
import { uidsIn } from '@kabutar/core/mailboxes/noted-changes.ts'
import { entityOf } from '@kabutar/core/mailboxes/rows.ts'
import { contentKey } from '@kabutar/core/messages/references.ts'
import type { Item, Table } from '@kabutar/core/ports/table.ts'
import type { RowKind } from '@kabutar/core/store/keys.ts'
import { type Box, contentsPartition } from '@kabutar/core/store/mailbox-keys.ts'

const PREFIXES = {
  folder: 'folder#',
  placement: 'msg#',
  thread: 'thr#',
  'thread-mail': 'mail#',
  'thread-order': 'ord#',
  'message-place': 'at#',
  'mailbox-change': 'chg#',
  'mailbox-job': 'job#',
} as const

export type MailboxRows = {
  readonly state: MailboxState
  readonly folders: ReadonlyMap<string, Folder>
  /** Those that readers see. */
  readonly placements: readonly Placement[]
  readonly threads: readonly Thread[]
  readonly joined: ReadonlyMap<string, string>
  readonly items: (kind: keyof typeof PREFIXES) => readonly Item[]
}

export async function mailboxRows(table: Table, box: Box): Promise<MailboxRows> {
  const all: Item[] = []
  let cursor: string | undefined
  do {
    const page = await table.query({ pk: contentsPartition(box), limit: 1000, ...(cursor !== undefined && { cursor }) })
    all.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  const items = (kind: keyof typeof PREFIXES) => all.filter(({ sk }) => sk.startsWith(PREFIXES[kind]))
  const entities = <T>(kind: keyof typeof PREFIXES & RowKind) => items(kind).map((item) => entityOf<T>({ kind }, item))
  const folders = new Map(entities<Folder>('folder').map((folder) => [folder.id, folder]))
  const threads = entities<Thread | JoinedThread>('thread')
  const [state] = all
    .filter(({ sk }) => sk === 'state')
    .map((item) => entityOf<MailboxState>({ kind: 'mailbox-state' }, item))
  assert.ok(state)
  return {
    state,
    folders,
    placements: entities<Placement>('placement').filter(({ folder, uid }) => uid < (folders.get(folder)?.uidNext ?? 0)),
    threads: threads.filter((one) => !('into' in one)) as Thread[],
    joined: new Map(threads.flatMap((one) => ('into' in one ? [[one.id, one.into] as const] : []))),
    items,
  }
}

export function rootOf({ joined }: MailboxRows, thread: string): string {
  let root = thread
  for (let into = joined.get(root); into !== undefined; into = joined.get(root)) root = into
  return root
}

const isVisible = ({ flags }: Placement) => !flags.includes('deleted')
const isSeen = ({ flags }: Placement) => flags.includes('seen')
const padded = (value: number) => String(value).padStart(15, '0')
const ROLES = ['inbox', 'sent', 'drafts', 'trash', 'spam', 'archive']

export async function auditMailbox(table: Table, box: Box): Promise<MailboxRows> {
  const rows = await mailboxRows(table, box)
  auditFolders(rows)
  auditThreads(rows)
  auditPlaces(rows)
  auditChanges(rows)
  await auditContents(table, box, rows)
  return rows
}

function auditFolders(rows: MailboxRows): void {
  const { folders, placements, state } = rows
  for (const folder of folders.values()) {
    const mine = placements.filter((one) => one.folder === folder.id)
    const visible = mine.filter(isVisible)
    const expected = {
      messages: mine.length,
      unseen: mine.filter((one) => !isSeen(one)).length,
      deleted: mine.length - visible.length,
      unread: visible.filter((one) => !isSeen(one)).length,
      threads: new Set(visible.map(({ thread }) => rootOf(rows, thread))).size,
      bytes: mine.reduce((sum, { size }) => sum + size, 0),
    }
    const { messages, unseen, deleted, unread, threads, bytes } = folder
    assert.deepEqual({ messages, unseen, deleted, unread, threads, bytes }, expected, `folder ${folder.id}`)
    for (const { modSeq } of mine) assert.ok(modSeq <= folder.modSeq && folder.modSeq <= state.modSeq)
  }
  const bytes = placements.reduce((sum, { size }) => sum + size, 0)
  assert.equal(state.bytes, bytes)
  const validities = [...folders.values()].map(({ uidValidity }) => uidValidity)
  assert.equal(new Set(validities).size, validities.length)
}

/** What the rows of a thread must say, counted from its placements. */
export function expectedThread(placements: readonly Placement[]) {
  const visible = placements.filter(isVisible).sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
  const mains = visible.filter(({ folder }) => folder !== 'sent' && folder !== 'drafts')
  const main = mains.at(-1)?.folder
  const counts: Record<string, number> = {}
  for (const { folder } of visible) counts[folder] = (counts[folder] ?? 0) + 1
  return {
    placements: placements.length,
    emails: visible.length,
    unread: visible.filter((one) => !isSeen(one)).length,
    attachments: visible.filter(({ hasAttachment }) => hasAttachment).length,
    folders: counts,
    newest: visible.at(-1)?.id,
    folder: main === undefined ? 'sent' : ROLES.includes(main) ? main : 'archive',
  }
}

const orderOf = ({ receivedAt, id }: Placement) => `${padded(receivedAt)}#${id}`

function auditThreads(rows: MailboxRows): void {
  const byRoot = Map.groupBy(rows.placements, ({ thread }) => rootOf(rows, thread))
  const orders: string[] = []
  const jobs: string[] = []
  let unreadThreads = 0
  for (const thread of rows.threads) {
    const expected = expectedThread(byRoot.get(thread.id) ?? [])
    const { placements, emails, unread, attachments, folders, newest, folder, labels, expungeAt } = thread
    const found = { placements, emails, unread, attachments, folders, newest: newest?.id, folder }
    assert.deepEqual(found, expected, `thread ${thread.id}`)
    const isGoing = emails > 0 && (folder === 'trash' || folder === 'spam')
    assert.equal(expungeAt !== undefined, isGoing, `thread ${thread.id} in ${folder}`)
    if (isGoing) jobs.push(`job#expunge-thread#${thread.id}`)
    if (unread > 0 && !isGoing) unreadThreads++
    const lists = [folder, ...(unread > 0 ? ['unread'] : []), ...labels.map((label) => `label:${label}`)]
    if (newest) orders.push(...lists.map((list) => `ord#${list}#${padded(newest.receivedAt)}#${thread.id}`))
  }
  for (const root of byRoot.keys())
    assert.ok(
      rows.threads.some(({ id }) => id === root),
      `no thread ${root}`,
    )
  assert.deepEqual(skOf(rows.items('thread-order')), orders.sort())
  const found = skOf(rows.items('mailbox-job')).filter((sk) => sk.startsWith('job#expunge-thread#'))
  assert.deepEqual(found, jobs.sort())
  assert.equal(rows.state.unreadThreads, unreadThreads)
}

const skOf = (items: readonly Item[]) => items.map(({ sk }) => sk).sort()

function auditPlaces({ items, placements }: MailboxRows): void {
  const mails = placements.map(({ thread, receivedAt, id }) => `mail#${thread}#${padded(receivedAt)}#${id}`)
  assert.deepEqual(skOf(items('thread-mail')), mails.sort())
  const places = items('message-place').filter(({ expungedAt }) => expungedAt === undefined)
  assert.deepEqual(
    places.map(({ sk, folder, uid }) => [sk, folder, uid]),
    placements.map(({ id, folder, uid }) => [`at#${id}`, folder, uid] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1)),
  )
}

/** Which uids each folder has, and at which change each was changed last, as the changes tell it. */
function auditChanges({ items, placements, state, folders }: MailboxRows): void {
  const seen = new Map<string, Map<number, number>>()
  const highest = new Map<string, number>()
  const of = (folder: string) => seen.get(folder) ?? seen.set(folder, new Map()).get(folder) ?? new Map()
  let at = 1
  for (const item of items('mailbox-change')) {
    assert.equal(item.modSeq, ++at, 'changes follow each other')
    const before = new Map(highest)
    for (const change of item.changes as unknown as readonly Change[]) replay(change, at, of, { before, highest })
  }
  assert.equal(at, state.modSeq)
  for (const folder of folders.keys()) {
    const found = new Map(placements.filter((one) => one.folder === folder).map(({ uid, modSeq }) => [uid, modSeq]))
    assert.deepEqual([...of(folder)].sort(byUid), [...found].sort(byUid), `changes of ${folder}`)
  }
}

const byUid = (a: readonly [number, number], b: readonly [number, number]) => a[0] - b[0]

function replay(
  change: Change,
  at: number,
  of: (folder: string) => Map<number, number>,
  { before, highest }: Readonly<Record<'before' | 'highest', Map<string, number>>>,
): void {
  if (!('uids' in change)) return
  const { type, folder } = change
  const uids = uidsIn(change.uids)
  const added = (to: string, some: readonly number[]) => {
    for (const uid of some) {
      assert.ok(uid > (before.get(to) ?? 0), `uid ${uid} of ${to} comes late`)
      highest.set(to, Math.max(uid, highest.get(to) ?? 0))
      of(to).set(uid, at)
    }
  }
  const gone = () => {
    for (const uid of uids) assert.ok(of(folder).delete(uid), `uid ${uid} of ${folder} goes twice`)
  }
  if (type === 'expunged') gone()
  else if (type === 'moved') {
    const to = uidsIn(change.toUids)
    assert.equal(to.length, uids.length)
    // A message that moved twice in one step was added by its first move.
    added(change.to, to)
    gone()
  } else if (type !== 'flags') added(folder, uids)
  else for (const uid of uids) if (of(folder).has(uid)) of(folder).set(uid, at)
}

/** Every content has one reference for the account's list, and one for each placement of this mailbox. */
async function auditContents(table: Table, box: Box, { placements }: MailboxRows): Promise<void> {
  const byContent = Map.groupBy(placements, ({ content }) => content.id)
  for (const some of byContent.values()) {
    const [{ content } = assert.fail()] = some
    const item = await table.get(contentKey(box.accountId, content))
    const own = content.direction === 'appended' || item?.deletedAt !== undefined ? 0 : 1
    assert.equal(item?.refs, some.length + own, `references of ${content.id}`)
  }
}
