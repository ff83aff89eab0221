/**
 * Threads by subject, for replies of programs that write neither In-Reply-To nor References. A subject alone ties nothing:
 * the message must be marked as a reply, and have a participant in common who is not of the account.
 */
import type { Box } from '../store/mailbox-keys.ts'
import { subjectRef } from './rows.ts'
import type { Step } from './step.ts'

/** "Re" in the languages of the mail programs that translate it, with a counter as in `Re[2]:`. */
const REPLY =
  /^\s*(?:re|aw|antw|sv|vs|vá|ref|rif|res|odp|ynt|bls|atb|απ|отв|ответ|javob|жавоб|回复|回覆|答复|返信|회신)\s*(?:\[\d{1,4}\]|\^\d{1,4})?\s*[::]/iu
const MAX_PREFIXES = 20
const MAX_SUBJECT_LENGTH = 998
const MAX_DAYS_MS = 30 * 24 * 3_600_000
const MAX_PARTICIPANTS = 5

export const isReply = (subject: string): boolean => REPLY.test(subject)

/** The subject without the prefixes of replies, as it is compared. */
export function baseSubject(subject: string): string {
  let base = subject.slice(0, MAX_SUBJECT_LENGTH)
  for (let prefixes = 0; prefixes < MAX_PREFIXES; prefixes++) {
    const shorter = base.replace(REPLY, '')
    if (shorter === base) break
    base = shorter
  }
  return base.normalize('NFC').replace(/\s+/g, ' ').trim().toLowerCase()
}

export type Subjected = {
  readonly subject: string
  readonly receivedAt: number
  /** Addresses in it that are none of the account's. */
  readonly strangers: readonly string[]
}

const refsOf = (box: Box, { subject, strangers }: Subjected) => {
  const base = baseSubject(subject)
  if (base === '') return []
  return [...new Set(strangers.map((one) => one.toLowerCase()))]
    .slice(0, MAX_PARTICIPANTS)
    .map((stranger) => subjectRef(box, base, stranger))
}

/** The thread that a reply belongs to by its subject: of the newest message in the 30 days before it. */
export async function threadBySubject(step: Step, message: Subjected): Promise<string | undefined> {
  if (!isReply(message.subject)) return undefined
  const refs = refsOf(step.box, message)
  await step.load(refs)
  const found = await Promise.all(refs.map((ref) => step.read(ref)))
  const { receivedAt } = message
  const recent = found.filter((one) => one !== undefined && one.at <= receivedAt && receivedAt - one.at <= MAX_DAYS_MS)
  return recent.sort((a, b) => (b?.at ?? 0) - (a?.at ?? 0))[0]?.thread
}

/** Lets later replies find the thread by its subject. */
export async function noteSubject(step: Step, message: Subjected, thread: string): Promise<void> {
  const { receivedAt } = message
  for (const ref of refsOf(step.box, message)) {
    const newest = await step.read(ref)
    if (newest === undefined || newest.at <= receivedAt) step.put(ref, { thread, at: receivedAt })
  }
}
