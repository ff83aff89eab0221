import { MailError } from '../errors.ts'
import type { Box } from '../store/mailbox-keys.ts'
import { changeEach } from './change.ts'
import { loadPlacements } from './flag.ts'
import { relocate } from './place.ts'
import { folderRef, placementRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'

/**
 * Moves messages of a folder to another (RFC 6851), in steps that are whole each. A message keeps its id and thread, and gets
 * the next uid there, which is answered; undefined for one that is not there any more.
 * @throws {MailError} `not_found` without one of the folders
 * @throws {StoreError} `Conflict`
 */
export async function move(
  ports: MailboxPorts,
  box: Box,
  folder: string,
  uids: readonly number[],
  to: string,
): Promise<readonly (number | undefined)[]> {
  return changeEach(ports, box, uids, (step, uid) => moveOne(step, { folder, uid }, to), loadPlacements(folder))
}

/** Moves one message, also within its folder, where it gets a new uid. */
export async function moveOne(
  step: Step,
  at: { readonly folder: string; readonly uid: number },
  to: string,
): Promise<number | undefined> {
  if ((await step.read(folderRef(step.box, to))) === undefined) throw new MailError('not_found', 'Folder not found')
  const before = await step.read(placementRef(step.box, at))
  return before && relocate(step, before, to)
}
