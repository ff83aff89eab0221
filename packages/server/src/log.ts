/**
 * Writes logs as JSON lines. Callers must not log content, keys or secrets; this is the second guard against it: fields
 * with such names are replaced whole, and keys and passwords in other texts are recognised by their form and blanked.
 */
import type { Log, LogFields } from '@kabutar/core/ports/log.ts'
import type { LogLevel } from './settings.ts'

const RANK = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>

/** A word in a field's name that hides its value: `apiKey`, `webhook_secret` and `html` are hidden. */
const SECRET_WORDS = new Set([
  ...['attachment', 'attachments', 'body', 'content', 'html', 'raw', 'subject', 'text'],
  ...['authorization', 'cookie', 'credential', 'credentials', 'key', 'keys', 'pass', 'passphrase', 'password', 'pem'],
  ...['secret', 'secrets', 'signature', 'token', 'tokens'],
])
/** A last word that shows the value after all: `keyId`, `subjectLength`, `bodyBytes`. */
const HARMLESS_ENDINGS = new Set(['bytes', 'count', 'id', 'ids', 'length', 'ms', 'name', 'size', 'type'])
/** Secrets that are recognised by their form in any text. */
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

/** Returns a log that writes one line for each call at `level` or above, to stderr by default. Its calls never throw. */
export function jsonLog(level: LogLevel, write: Write = (line) => process.stderr.write(line)): Log {
  const at = (own: LogLevel) => (message: string, fields?: LogFields) => {
    if (RANK[own] < RANK[level]) return
    try {
      write(`${lineOf(own, message, fields)}\n`)
    } catch {
      // A failing log must not stop the work that is logged.
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
    if (isSecret(name)) return '[redacted]'
    return value instanceof Error ? errorOf(value, { left: MAX_ERROR }, MAX_CAUSES) : clean(String(value), MAX_TEXT)
  } catch {
    return '[unreadable]'
  }
}

function isSecret(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  return !HARMLESS_ENDINGS.has(words.at(-1) ?? '') && words.some((word) => SECRET_WORDS.has(word))
}

/** Describes an error by name, code, message, stack and causes. `budget` bounds all of them together, in characters. */
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
    // The first lines of the stack repeat the message, however long it is.
    stack: take((error.stack ?? '').slice((error.stack ?? '').search(/^ +at /m)).trim()),
    ...(cause !== undefined &&
      causes > 0 &&
      budget.left > 0 && { cause: cause instanceof Error ? errorOf(cause, budget, causes - 1) : take(String(cause)) }),
  }
}

/** Shortens a text and blanks secrets in it. It cuts first, so that a huge text costs little. */
function clean(text: string, max: number): string {
  let cleaned = text.slice(0, max)
  for (const [secret, blank] of SECRETS) cleaned = cleaned.replace(secret, blank)
  return text.length > max || cleaned.length > max ? `${cleaned.slice(0, Math.max(0, max - 1))}…` : cleaned
}
