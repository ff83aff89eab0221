/** Random operations on a mailbox, and what each of them means to the model (mailbox-model.ts). */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { append } from '@kabutar/core/mailboxes/append.ts'
import { copy } from '@kabutar/core/mailboxes/copy.ts'
import { deliver } from '@kabutar/core/mailboxes/deliver.ts'
import { expunge } from '@kabutar/core/mailboxes/expunge.ts'
import { flag } from '@kabutar/core/mailboxes/flag.ts'
import { listFolders, makeFolder, renameFolder } from '@kabutar/core/mailboxes/folders.ts'
import { label, listLabels, makeLabel, updateLabel } from '@kabutar/core/mailboxes/labels.ts'
import { listThreads } from '@kabutar/core/mailboxes/list-threads.ts'
import type { Change, SystemFlag, Thread } from '@kabutar/core/mailboxes/model.ts'
import { move } from '@kabutar/core/mailboxes/move.ts'
import { uidsIn } from '@kabutar/core/mailboxes/noted-changes.ts'
import { moveThread, readThread, trashThread } from '@kabutar/core/mailboxes/thread-changes.ts'
import { listThreadMails } from '@kabutar/core/mailboxes/thread-mails.ts'
import type { Write } from '@kabutar/core/ports/table.ts'
import { seeded } from './faults.ts'
import type { MailboxModel } from './mailbox-model.ts'
import { appended, type Letter, type MailboxRig, mailboxRig, received } from './mailbox-rig.ts'

const NAMES = Array.from({ length: 12 }, (_, i) => `<name-${i}@far.test>`)
const FLAGS: readonly SystemFlag[] = ['seen', 'deleted', 'flagged', 'answered']

/** What one operation did: its commits, and what they mean to the model. */
export type Done = {
  readonly modSeqs: number[]
  readonly ids: string[]
  /** Takes place at the last commit. */
  apply?: (model: MailboxModel) => void
  applyEach?: (model: MailboxModel, modSeq: number) => void
}
export type World = MailboxRig & {
  readonly random: () => number
  readonly done: Done[]
  readonly sent: Letter[]
  readonly refused: string[]
  readonly changes: Map<number, readonly Change[]>
}

export const current = new AsyncLocalStorage<Done>()

export async function world(seed: number): Promise<World> {
  const rig = await mailboxRig()
  const changes = new Map<number, readonly Change[]>()
  const transact = async (writes: readonly Write[], options?: { readonly token?: string }) => {
    await rig.table.transact(writes, options)
    for (const write of writes) {
      if (write.kind !== 'put' || !write.item.sk.startsWith('chg#')) continue
      changes.set(write.item.modSeq as number, write.item.changes as unknown as readonly Change[])
      current.getStore()?.modSeqs.push(write.item.modSeq as number)
    }
  }
  const next = () => {
    const id = rig.ids.next()
    current.getStore()?.ids.push(id)
    return id
  }
  const table = { ...tableOf(rig), transact }
  return {
    ...rig,
    table,
    ids: { ...rig.ids, next, secret: (n) => rig.ids.secret(n) },
    random: seeded(seed),
    done: [],
    sent: [],
    refused: [],
    changes,
  }
}

/** The methods of a table behind a proxy. */
const tableOf = ({ table }: MailboxRig) => ({
  get: table.get,
  getMany: table.getMany,
  query: table.query,
  write: table.write,
  writeInOrder: table.writeInOrder,
})

export const pick = <T>(world: World, list: readonly T[]): T => list[Math.floor(world.random() * list.length)] as T
const uidIn = (world: World) => 1 + Math.floor(world.random() * 12)

type Operation = (world: World, done: Done) => Promise<((model: MailboxModel) => void) | undefined>

/** Flags and moves as the changes of each step of the operation tell them, also of one that was cut short. */
function asChanged(world: World, done: Done, onFlag: (flags: Set<string>) => void): void {
  done.applyEach = (model, modSeq) => {
    const moves: { readonly from: string; readonly uid: number; readonly to: string; readonly toUid: number }[] = []
    for (const change of world.changes.get(modSeq) ?? []) {
      if (change.type === 'flags') {
        for (const uid of uidsIn(change.uids)) onFlag(model.at(change.folder, uid)?.flags ?? assert.fail())
      }
      if (change.type !== 'moved') continue
      const toUids = uidsIn(change.toUids)
      uidsIn(change.uids).forEach((uid, i) => {
        moves.push({ from: change.folder, uid, to: change.to, toUid: toUids[i] ?? 0 })
      })
    }
    for (const { from, uid, to } of moves.sort((a, b) => a.toUid - b.toUid)) {
      model.move(model.at(from, uid) ?? assert.fail(`no ${uid} in ${from}`), to)
    }
  }
}

const someThread = async (world: World): Promise<Thread | undefined> => {
  const folders = ['inbox', 'archive', 'sent', 'trash', 'spam'] as const
  const { items } = await listThreads(world.table, world.box, { folders }, { limit: 20 })
  return items.length === 0 ? undefined : pick(world, items)
}

const tieOf = async (world: World, thread: Thread) => {
  const { items } = await listThreadMails(world.table, world.box, thread.id, { limit: 1 })
  return items[0]?.id
}

const someFolder = async (world: World) => pick(world, await listFolders(world, world.box)).id

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  async deliver(world, done) {
    const again = world.random() < 0.15 && world.sent.length > 0 ? pick(world, world.sent) : undefined
    const references = NAMES.filter(() => world.random() < 0.12)
    const messageIds = world.random() < 0.8 ? [pick(world, NAMES)] : [`<${world.random()}@far.test>`]
    const letter = again ?? {
      id: world.ids.next(),
      references,
      messageIds,
      folder: world.random() < 0.8 ? 'inbox' : 'archive',
      receivedAt: 1e12 + Math.floor(world.random() * 50),
      hasAttachment: world.random() < 0.3,
      size: Math.floor(world.random() * 1000),
    }
    const arrival = await received(world, 'a', letter)
    if (again === undefined) world.sent.push(letter)
    const [arrived] = await deliver(world, world.box, [arrival])
    const names = [...arrival.messageIds, ...arrival.references]
    // The names of a message tie threads before it is placed, so a thread in trash may take it that the model ties later.
    const change = world.changes.get(Math.max(...done.modSeqs))?.find(({ type }) => type === 'arrived')
    const folder = change && 'folder' in change ? change.folder : arrival.folder
    assert.ok([arrival.folder, 'trash', 'spam'].includes(folder))
    return (model) => {
      if (arrived === 'placed') model.arrive(arrival.id, names, folder, arrival.receivedAt)
    }
  },
  async append(world) {
    const folder = pick(world, ['sent', 'drafts', 'archive'])
    const one = appended(world, 'a', {
      receivedAt: 1e12 + Math.floor(world.random() * 50),
      messageIds: [pick(world, NAMES)],
    })
    await append(world, world.box, folder, [one])
    const { id, messageIds, receivedAt } = one.arrival
    return (model) => model.arrive(id, messageIds, folder, receivedAt)
  },
  async flag(world, done) {
    const [folder, uid, name] = [await someFolder(world), uidIn(world), pick(world, FLAGS)]
    const how = pick(world, ['add', 'remove'] as const)
    asChanged(world, done, (flags) => (how === 'add' ? flags.add(name) : flags.delete(name)))
    await flag(world, world.box, folder, [uid], { how, flags: [name], keywords: [] })
    return undefined
  },
  async move(world, done) {
    asChanged(world, done, () => assert.fail())
    await move(world, world.box, await someFolder(world), [uidIn(world)], await someFolder(world))
    return undefined
  },
  async copy(world, done) {
    const [folder, to] = [await someFolder(world), await someFolder(world)]
    const { uids } = await copy(world, world.box, folder, [uidIn(world)], to)
    const id = done.ids.at(-1) ?? ''
    return (model) => {
      for (const uid of uidsIn(uids)) model.copy(model.at(folder, uid) ?? assert.fail(), id, to)
    }
  },
  async expunge(world) {
    const [folder, uid] = [await someFolder(world), uidIn(world)]
    const [isGone] = await expunge(world, world.box, folder, [uid], { onlyDeleted: world.random() < 0.3 })
    return (model) => {
      if (isGone) model.expunge(model.at(folder, uid) ?? assert.fail())
    }
  },
  async read(world, done) {
    const thread = await someThread(world)
    const read = world.random() < 0.5
    asChanged(world, done, (flags) => (read ? flags.add('seen') : flags.delete('seen')))
    if (thread) await readThread(world, world.box, thread.id, read)
    return undefined
  },
  async folder(world, done) {
    const thread = await someThread(world)
    asChanged(world, done, () => assert.fail())
    if (thread) await moveThread(world, world.box, thread.id, pick(world, ['inbox', 'archive', 'spam'] as const))
    return undefined
  },
  async trash(world, done) {
    const thread = await someThread(world)
    asChanged(world, done, () => assert.fail())
    if (thread) await trashThread(world, world.box, thread.id)
    return undefined
  },
  async label(world) {
    const thread = await someThread(world)
    const tie = thread && (await tieOf(world, thread))
    const labels = (await listLabels(world, world.box)).map(({ id }) => id)
    const chosen = labels.filter(() => world.random() < 0.5)
    if (thread === undefined || tie === undefined) return undefined
    const how = pick(world, ['add', 'set', 'remove'] as const)
    await label(world, world.box, thread.id, how, chosen)
    return (model) =>
      model.label(
        model.messages.get(tie)?.tie ?? world.sent.find(({ id }) => id === tie)?.messageIds?.[0] ?? assert.fail(),
        how,
        chosen,
      )
  },
  async folders(world) {
    const own = (await listFolders(world, world.box)).filter(({ role }) => role === undefined)
    const name = `F${Math.floor(world.random() * 20)}`
    if (own.length < 3) await makeFolder(world, world.box, { name })
    else await renameFolder(world, world.box, pick(world, own).id, { name })
    return undefined
  },
  async labels(world) {
    const all = await listLabels(world, world.box)
    const name = `L${Math.floor(world.random() * 20)}`
    if (all.length < 3) await makeLabel(world, world.box, { name, color: '#E93D82' })
    else await updateLabel(world, world.box, pick(world, all).id, { name })
    return undefined
  },
}
