import type { Log, LogFields } from '@kabutar/core/ports/log.ts'

/**
 * Through the console, which the Lambda runtime turns into JSON lines of a level; what is below the function's own log
 * level (WARN, see stacks/hardening.ts) it drops, and costs nothing. Errors come whole, with their causes.
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

/** An Error inside an object would be printed as `{}`. */
function plain(value: LogFields[string], causes = MAX_CAUSES): unknown {
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  const because = cause instanceof Error && causes > 0 ? { cause: plain(cause, causes - 1) } : {}
  return { name, message: message.slice(0, MAX_STACK), stack: stack?.slice(0, MAX_STACK), ...because }
}
