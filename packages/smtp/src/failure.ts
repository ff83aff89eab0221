import { MailError } from '@kabutar/core/errors.ts'
import type { Dialogue } from './dialogue.ts'
import { MalformedError } from './malformed.ts'
import type { Reply } from './replies.ts'
import { replyOf } from './replies.ts'

/** The reply to whatever a command threw. What nobody foresaw goes to the log whole, and to the sender as 451. */
export function failureOf(dialogue: Dialogue, command: string, thrown: unknown): Reply {
  if (thrown instanceof MalformedError) return thrown.reply
  if (!(thrown instanceof MailError)) {
    const error = thrown instanceof Error ? thrown : new Error('threw something that is no error', { cause: thrown })
    dialogue.listener.log.error('smtp: command failed', { session: dialogue.id, command, error })
  }
  return replyOf(thrown)
}
