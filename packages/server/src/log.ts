/**
 * Logs as JSON lines. Core is trusted not to log content, keys or secrets; this is the second lock: fields with such
 * names are replaced whole, and what looks like a key or a password inside other texts is blanked. Never throws.
 */
import type { Log, LogFields } from '@kabutar/core/ports/log.ts'
import type { LogLevel } from './settings.ts'

const RANK = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>

/** Words of a field's name that hide its value: `apiKey`, `webhook_secret` and `html` are hidden. */
const DENIED = new Set(
  'attachment attachments authorization body content cookie credential credentials html key keys pass passphrase password pem raw secret secrets signature subject text token tokens'.split(
    ' ',
  ),
)
/** Last words that make the same name harmless: `keyId`, `subjectLength`, `bodyBytes`. */
const HARMLESS = new Set('bytes count id ids length ms name size type'.split(' '))
/** Secrets by their looks, wherever they stand. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b(re|whsec)_[\w+/=-]{12,}/g, '$1_[redacted]'],
  [/\b(Bearer|Basic|PLAIN|LOGIN) [\w.+/=~-]{6,}/gi, '$1 [redacted]'],
  [/(:\/\/)[^\s/@]+@/g, '$1[redacted]@'],
  [/([?&](?:token|signature|sig|key|secret|password)=)[^&\s]+/gi, '$1[redacted]'],
]

const MAX_TEXT = 2048
const MAX_ERROR = 8192
const MAX_CAUSES = 4

type Write = (line: string) => void

/** One line for each call at `level` or above, on stderr unless told otherwise. */
export function jsonLog(level: LogLevel, write: Write = (line) => process.stderr.write(line)): Log {
  const at = (own: LogLevel) => (message: string, fields?: LogFields) => {
    if (RANK[own] < RANK[level]) return
    try {
      write(`${lineOf(own, message, fields)}\n`)
    } catch {
      // A log that can't be written must not stop the work that it speaks of.
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function lineOf(level: LogLevel, message: string, fields: LogFields = {}): string {
  const own = { time: new Date().toISOString(), level, message: clean(String(message), MAX_TEXT) }
  const rest = Object.keys(fields).map((name) => [name in own ? `${name}_` : name, fieldOf(name, fields)])
  return JSON.stringify({ ...own, ...Object.fromEntries(rest) })
}

function fieldOf(name: string, fields: LogFields): unknown {
  try {
    const value: unknown = fields[name]
    if (value === undefined || typeof value === 'number' || typeof value === 'boolean') return value
    if (isDenied(name)) return '[redacted]'
    return value instanceof Error ? errorOf(value, { left: MAX_ERROR }, MAX_CAUSES) : clean(String(value), MAX_TEXT)
  } catch {
    return '[unreadable]'
  }
}

function isDenied(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  return !HARMLESS.has(words.at(-1) ?? '') && words.some((word) => DENIED.has(word))
}

/** Name, code, message, stack and causes; `budget` is in characters and shared by all of them. */
function errorOf(error: Error, budget: { left: number }, causes: number): Record<string, unknown> {
  const take = (text: string) => {
    const taken = clean(text, budget.left)
    budget.left -= taken.length
    return taken
  }
  const { code } = error as NodeJS.ErrnoException
  const { cause } = error
  return {
    name: take(error.name),
    ...(code !== undefined && { code: take(String(code)) }),
    message: take(error.message),
    // The first lines repeat the message, at whatever length.
    stack: take((error.stack ?? '').slice((error.stack ?? '').search(/^ +at /m)).trim()),
    ...(cause !== undefined &&
      causes > 0 &&
      budget.left > 0 && { cause: cause instanceof Error ? errorOf(cause, budget, causes - 1) : take(String(cause)) }),
  }
}

/** Cut first, so that a huge text costs nothing; the cut leaves at most the first letters of a secret that it splits. */
function clean(text: string, max: number): string {
  let cleaned = text.slice(0, max)
  for (const [secret, blank] of SECRETS) cleaned = cleaned.replace(secret, blank)
  return text.length > max || cleaned.length > max ? `${cleaned.slice(0, Math.max(0, max - 1))}…` : cleaned
}
