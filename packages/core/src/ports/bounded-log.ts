import type { Clock } from './clock.ts'
import type { Log, LogFields } from './log.ts'

const WINDOW_MS = 60_000
/** Reasons that are told apart at once. A peer that makes up reasons shares one line with the others. */
const MAX_REASONS = 200
const MAX_CAUSES = 4

type Written = { readonly at: number; left: number }

/**
 * Bounds a log: a warning or an error that has a `reason` or an `error` is written once a minute for each message and
 * reason, and says as `repeated` how often it was left out before. Lines without a reason are all written, because each
 * of them speaks of something else.
 */
export function boundedLog(log: Log, clock: Pick<Clock, 'now'>): Log {
  const written = new Map<string, Written>()
  const bounded = (level: 'warn' | 'error') => (message: string, fields?: LogFields) => {
    const reason = reasonOf(fields)
    if (reason === undefined) return log[level](message, fields)
    const now = clock.now()
    const key = keyOf(written, `${level} ${message} ${reason}`, now)
    const last = written.get(key)
    if (last !== undefined && now >= last.at && now < last.at + WINDOW_MS) {
      last.left++
      return
    }
    written.set(key, { at: now, left: 0 })
    log[level](message, { ...fields, ...(last !== undefined && last.left > 0 && { repeated: last.left }) })
  }
  return { debug: log.debug, info: log.info, warn: bounded('warn'), error: bounded('error') }
}

function keyOf(written: Map<string, Written>, key: string, now: number): string {
  if (written.has(key) || written.size < MAX_REASONS) return key
  for (const [old, { at }] of written) if (now - at >= WINDOW_MS) written.delete(old)
  return written.size < MAX_REASONS ? key : 'other'
}

/** Tells what a line is about: its reason, or the names, codes and messages of its error and of the causes. */
function reasonOf({ reason, error }: LogFields = {}): string | undefined {
  if (reason !== undefined) return String(reason)
  if (!(error instanceof Error)) return undefined
  const parts: string[] = []
  let cause: unknown = error
  for (let depth = 0; cause instanceof Error && depth <= MAX_CAUSES; depth++) {
    parts.push(cause.name, String((cause as NodeJS.ErrnoException).code ?? ''), cause.message.slice(0, 200))
    cause = cause.cause
  }
  return parts.join(' ')
}
