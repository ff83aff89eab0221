/** The values of a log line: never content, keys or secrets. */
export type LogFields = { readonly [name: string]: string | number | boolean | undefined | Error }

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}
