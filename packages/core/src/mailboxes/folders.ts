/** The folders of a mailbox: a tree of at most 1,000. */
import { MailError } from '../errors.ts'
import { type Box, contentsPartition, FOLDERS } from '../store/mailbox-keys.ts'
import { dueAt } from '../store/outbox.ts'
import { changeMailbox } from './change.ts'
import { type Folder, isRole, MAX_FOLDERS } from './model.ts'
import { entityOf, folderRef, jobRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'

const MAX_NAME_LENGTH = 255
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are no part of a name
const CONTROLS = /[\u0000-\u001f\u007f]/

/** A folder without messages. */
export function newFolder(folder: Pick<Folder, 'id' | 'name' | 'parent' | 'role' | 'uidValidity'>): Folder {
  const counts = { messages: 0, unseen: 0, deleted: 0, unread: 0, threads: 0, bytes: 0 }
  return { ...folder, ...counts, uidNext: 1, modSeq: 0 }
}

/** @throws {MailError} `invalid_parameter`; `conflict` for a name that is taken, or past 1,000; `not_found` for the parent */
export async function makeFolder(
  ports: MailboxPorts,
  box: Box,
  { name, parent }: { readonly name: string; readonly parent?: string },
): Promise<Folder> {
  const id = ports.ids.next()
  return changeMailbox(ports, box, async (step) => {
    const others = await foldersIn(step)
    if (others.length >= MAX_FOLDERS) throw new MailError('conflict', `A mailbox has at most ${MAX_FOLDERS} folders.`)
    const place = { name: checkedName(name), ...(parent !== undefined && { parent }) }
    refuseBadPlace(others, id, place)
    const { nextUidValidity } = step.state
    const folder = { ...newFolder({ id, ...place, uidValidity: nextUidValidity }), modSeq: step.modSeq }
    step.state = { ...step.state, nextUidValidity: nextUidValidity + 1 }
    step.put(folderRef(box, id), folder)
    step.note({ type: 'folder_made', folder: id })
    return folder
  })
}

/**
 * Gives a folder another name or parent; null puts it at the top. Its uids and uidValidity stay.
 * @throws {MailError} as `makeFolder`; `conflict` also for the inbox
 */
export async function renameFolder(
  ports: MailboxPorts,
  box: Box,
  id: string,
  { name, parent }: { readonly name?: string; readonly parent?: string | null },
): Promise<Folder> {
  return changeMailbox(ports, box, async (step) => {
    const { parent: oldParent, ...rest } = await folderOf(step, id)
    if (id === 'inbox') throw new MailError('conflict', 'The inbox cannot be renamed.')
    const newParent = parent === undefined ? oldParent : (parent ?? undefined)
    const place = { name: checkedName(name ?? rest.name), ...(newParent !== undefined && { parent: newParent }) }
    refuseBadPlace(await foldersIn(step), id, place)
    const folder = { ...rest, ...place, modSeq: step.modSeq }
    step.put(folderRef(box, id), folder)
    step.note({ type: 'folder_renamed', folder: id })
    return folder
  })
}

/**
 * Removes a folder at once for readers. Its messages are expunged in steps, which the sweep finishes after a crash.
 * @throws {MailError} `not_found`; `conflict` for a folder with a role, or with folders in it
 */
export async function removeFolder(ports: MailboxPorts, box: Box, id: string): Promise<void> {
  await changeMailbox(ports, box, async (step) => {
    const folder = await folderOf(step, id)
    if (isRole(id)) throw new MailError('conflict', 'This folder belongs to every mailbox.')
    if ((await foldersIn(step)).some(({ parent }) => parent === id)) {
      throw new MailError('conflict', 'The folder has folders in it.')
    }
    step.remove(folderRef(box, id))
    const job = jobRef(box, 'empty-folder', id)
    const due = dueAt('mailbox-job', box.accountId, job.key.sk, step.now)
    step.put(job, { job: 'empty-folder', subject: id, uidNext: folder.uidNext, ...due })
    step.note({ type: 'folder_removed', folder: id })
  })
}

/** All folders, by id. */
export async function listFolders({ table }: Pick<MailboxPorts, 'table'>, box: Box): Promise<readonly Folder[]> {
  const { items } = await table.query({ pk: contentsPartition(box), prefix: FOLDERS, limit: MAX_FOLDERS })
  return items.map((item) => entityOf(folderRef(box, ''), item))
}

const foldersIn = ({ table, box }: Step) => listFolders({ table }, box)

async function folderOf(step: Step, id: string): Promise<Folder> {
  const folder = await step.read(folderRef(step.box, id))
  if (folder === undefined) throw new MailError('not_found', 'Folder not found')
  return folder
}

function checkedName(name: string): string {
  const normal = name.normalize('NFC')
  if (normal.trim() === '' || normal.length > MAX_NAME_LENGTH || CONTROLS.test(normal)) {
    throw new MailError('invalid_parameter', `A folder's name has 1 to ${MAX_NAME_LENGTH} printable characters.`)
  }
  return normal
}

/** @throws {MailError} for a parent that is not there or lies in the folder itself, or a name that a sibling has */
function refuseBadPlace(others: readonly Folder[], id: string, place: Pick<Folder, 'name' | 'parent'>): void {
  const byId = new Map(others.map((one) => [one.id, one]))
  if (place.parent !== undefined && !byId.has(place.parent)) throw new MailError('not_found', 'Folder not found')
  let above = place.parent
  for (let depth = 0; above !== undefined && depth < MAX_FOLDERS; depth++) {
    if (above === id) throw new MailError('conflict', 'A folder cannot be in itself.')
    above = byId.get(above)?.parent
  }
  const siblings = others.filter((one) => one.id !== id && one.parent === place.parent)
  const key = (name: string) => (place.parent === undefined && /^inbox$/i.test(name) ? 'inbox' : name)
  if (siblings.some(({ name }) => key(name) === key(place.name))) {
    throw new MailError('conflict', 'There is a folder of this name.')
  }
}
