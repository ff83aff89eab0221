import { MailError } from '../errors.ts'
import type { Box } from '../store/mailbox-keys.ts'
import { changeEach } from './change.ts'
import type { Placement, SystemFlag } from './model.ts'
import { reflag } from './place.ts'
import { placementRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'

/** Lists that are absent change nothing; `replace` sets exactly `flags` and `keywords`. */
export type FlagChange = {
  readonly how: 'add' | 'remove' | 'replace'
  readonly flags: readonly SystemFlag[]
  readonly keywords: readonly string[]
  /** Leaves messages alone that were changed since (RFC 7162 section 3.1.3). */
  readonly unchangedSince?: number
}
/** `modified`: changed since. `gone`: there is no such message (any more). */
export type Flagged = 'changed' | 'same' | 'modified' | 'gone'

const MAX_KEYWORDS = 64
const KEYWORD = /^[\x21\x23-\x24\x26-\x27\x2b-\x5b\x5e-\x7a\x7c\x7e]{1,64}$/

/**
 * Changes flags of messages of a folder, in steps that are whole each. Answers what became of each message.
 * @throws {MailError} `invalid_parameter` for a keyword that is no atom of at most 64 octets, or past 64 of them; `not_found`
 * @throws {StoreError} `Conflict`
 */
export async function flag(
  ports: MailboxPorts,
  box: Box,
  folder: string,
  uids: readonly number[],
  change: FlagChange,
): Promise<readonly Flagged[]> {
  const wanted = { ...change, keywords: change.keywords.map(checkedKeyword) }
  return changeEach(ports, box, uids, (step, uid) => flagOne(step, { folder, uid }, wanted), loadPlacements(folder))
}

/** Reads the rows that the changes of some messages of a folder will ask for. */
export const loadPlacements = (folder: string) => (step: Step, uids: readonly number[]) =>
  step.load(uids.map((uid) => placementRef(step.box, { folder, uid })))

function checkedKeyword(keyword: string): string {
  if (!KEYWORD.test(keyword)) {
    throw new MailError(
      'invalid_parameter',
      'A keyword has 1 to 64 printable ASCII characters, without ( ) { ] % * " \\.',
    )
  }
  return keyword.toLowerCase()
}

/** Changes the flags of one message. */
export async function flagOne(
  step: Step,
  at: { readonly folder: string; readonly uid: number },
  change: FlagChange,
): Promise<Flagged> {
  const before = await step.read(placementRef(step.box, at))
  if (before === undefined) return 'gone'
  if (change.unchangedSince !== undefined && before.modSeq > change.unchangedSince) return 'modified'
  const after = changed(before, change)
  if (after.keywords.length > MAX_KEYWORDS) {
    throw new MailError('invalid_parameter', `A message has at most ${MAX_KEYWORDS} keywords.`)
  }
  const isSame = sameList(before.flags, after.flags) && sameList(before.keywords, after.keywords)
  if (!isSame) await reflag(step, before, after)
  return isSame ? 'same' : 'changed'
}

const sameList = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((one, i) => one === b[i])

function changed(before: Placement, { how, flags, keywords }: FlagChange): Pick<Placement, 'flags' | 'keywords'> {
  const change = <T extends string>(had: readonly T[], named: readonly T[]): readonly T[] => {
    if (how === 'remove') return had.filter((one) => !named.includes(one))
    return [...new Set(how === 'add' ? [...had, ...named] : named)].sort()
  }
  return { flags: change(before.flags, flags), keywords: change(before.keywords, keywords) }
}
