import type { Box } from '../store/mailbox-keys.ts'
import { changeEach } from './change.ts'
import { loadPlacements } from './flag.ts'
import { isVisible } from './model.ts'
import { unplace } from './place.ts'
import { placementRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'

/**
 * Takes messages out of a folder for good, in steps that are whole each: those of `uids`, or with `onlyDeleted` those of them
 * that are \Deleted (UID EXPUNGE, RFC 9051 section 6.4.9). The account's own list keeps them. Answers which went.
 * @throws {StoreError} `Conflict`
 * @throws {MailError} `not_found`
 */
export async function expunge(
  ports: MailboxPorts,
  box: Box,
  folder: string,
  uids: readonly number[],
  { onlyDeleted }: { readonly onlyDeleted: boolean },
): Promise<readonly boolean[]> {
  const one = (step: Step, uid: number) => expungeOne(step, { folder, uid }, onlyDeleted)
  return changeEach(ports, box, uids, one, loadPlacements(folder))
}

export async function expungeOne(
  step: Step,
  at: { readonly folder: string; readonly uid: number },
  onlyDeleted: boolean,
): Promise<boolean> {
  const placement = await step.read(placementRef(step.box, at))
  if (placement === undefined || (onlyDeleted && isVisible(placement))) return false
  await unplace(step, placement)
  return true
}
