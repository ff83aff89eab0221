import type { Log, LogFields } from '@kabutar/core/ports/log.ts'

/**
 * The Log port on the console. The Lambda runtime writes each call as a JSON line with its level, and drops lines below
 * the function's log level (WARN, stacks/hardening.ts). Errors are written with their stack and causes.
 */
export function lambdaLog(): Log {
  const to =
    (write: (line: object) => void) =>
    (message: string, fields: LogFields = {}) =>
      write({ message, ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)])) })
  return {
    debug: to((line) => console.debug(line)),
    info: to((line) => console.info(line)),
    warn: to((line) => console.warn(line)),
    error: to((line) => console.error(line)),
  }
}

const MAX_STACK = 2000
const MAX_CAUSES = 3

/** Copies an Error into a plain object, because `JSON.stringify` writes an Error as `{}`. */
function plain(value: LogFields[string], causes = MAX_CAUSES): unknown {
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  const because = cause instanceof Error && causes > 0 ? { cause: plain(cause, causes - 1) } : {}
  return { name, message: message.slice(0, MAX_STACK), stack: stack?.slice(0, MAX_STACK), ...because }
}
