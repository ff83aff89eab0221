/** Reads the server's writes, syncs and answers in their order, as write-log.c records them. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { installDebian } from '../../interop/debian.ts'

export type LogRecord =
  | { readonly kind: 'open'; readonly path: string; readonly truncated: boolean }
  | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly path: string; readonly length: number }
  | { readonly kind: 'sync begins' | 'sync ended'; readonly path: string; readonly sync: number }
  | { readonly kind: 'rename' | 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'remove' | 'mkdir'; readonly path: string }
  /** The first 2 KB of a write to a socket, recorded before it left. */
  | { readonly kind: 'said'; readonly data: Buffer }

const HEAD_BYTES = 15

/** Compiles the library into a folder. Answers the variables that make a process log its writes below `watched`. */
export function buildWriteLog(
  folder: string,
  watched: string,
): { readonly log: string; readonly env: NodeJS.Dict<string> & { LD_PRELOAD: string } } {
  if (!existsSync('/usr/bin/cc')) installDebian(['gcc', 'libc6-dev'])
  const [library, log] = [join(folder, 'write-log.so'), join(folder, 'log')]
  const source = join(import.meta.dirname, 'write-log.c')
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, source, '-ldl', '-lpthread'])
  return { log, env: { LD_PRELOAD: library, WRITE_LOG: log, WRITE_LOG_FOLDER: watched } }
}

/** Reads all complete records of a log; a kill may have cut the last one. */
export function readLog(path: string): readonly LogRecord[] {
  const bytes = readFileSync(path)
  const records: LogRecord[] = []
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const nameEnd = at + HEAD_BYTES + bytes.readUInt16LE(at + 1)
    const end = nameEnd + bytes.readUInt32LE(at + 11)
    if (end > bytes.length) break
    const name = bytes.toString('utf8', at + HEAD_BYTES, nameEnd)
    const kind = String.fromCharCode(bytes[at] ?? 0)
    records.push(recordOf(kind, name, Number(bytes.readBigUInt64LE(at + 3)), bytes.subarray(nameEnd, end)))
    at = end
  }
  return records
}

function recordOf(kind: string, path: string, number: number, data: Buffer): LogRecord {
  switch (kind) {
    case 'O':
      return { kind: 'open', path, truncated: number === 1 }
    case 'W':
      return { kind: 'write', path, offset: number, data }
    case 'T':
      return { kind: 'truncate', path, length: number }
    case 'B':
      return { kind: 'sync begins', path, sync: number }
    case 'E':
      return { kind: 'sync ended', path, sync: number }
    case 'R':
      return { kind: 'rename', path, to: data.toString() }
    case 'L':
      return { kind: 'link', path, to: data.toString() }
    case 'M':
      return { kind: 'mkdir', path }
    case 'U':
      return { kind: 'remove', path }
    case 'A':
      return { kind: 'said', data }
    default:
      throw new Error(`the log has a record of kind ${kind}`)
  }
}

const ACCEPTED = {
  outbound: /^HTTP\/1\.1 200[\s\S]*\{"id":"([0-9a-f-]{36})"\}/,
  inbound: /^250 2\.0\.0 Ok: queued as ([0-9a-f-]{36})\r\n/,
}

/** A message that was acknowledged, by HTTP or SMTP, and when. */
export type Acknowledged = { readonly flow: keyof typeof ACCEPTED; readonly id: string; readonly index: number }

export function acknowledgementsIn(records: readonly LogRecord[]): readonly Acknowledged[] {
  return records.flatMap((record, index) => {
    if (record.kind !== 'said') return []
    const said = record.data.toString('latin1')
    return (['outbound', 'inbound'] as const).flatMap((flow) => {
      const id = ACCEPTED[flow].exec(said)?.[1]
      return id === undefined ? [] : [{ flow, id, index }]
    })
  })
}
