import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { init, parse } from 'es-module-lexer'

await init

/** Lists the files that a bundle loads before its first event: itself and its static imports, without `import()`. */
export function filesAtStart(entry: string): readonly string[] {
  return filesFrom(entry, ['static'])
}

/** Lists the files that a bundle can load, `import()` included; not those that splitting left over and nothing imports. */
export function filesInReach(entry: string): readonly string[] {
  return filesFrom(entry, ['static', 'dynamic'])
}

function filesFrom(entry: string, types: readonly string[]): readonly string[] {
  const found = new Set([entry])
  for (const file of found) {
    for (const { type, specifier } of parse(readFileSync(file, 'utf8'))[0]) {
      if (types.includes(type) && specifier?.startsWith('./')) found.add(join(dirname(file), specifier))
    }
  }
  return [...found]
}

export const bytesAtStart = (entry: string) => bytesOf(filesAtStart(entry))
export const bytesInReach = (entry: string) => bytesOf(filesInReach(entry))

function bytesOf(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + statSync(file).size, 0)
}

/** Counts the bytes that are uploaded for a function, without source maps. */
export function bytesInAll(entry: string): number {
  const files = readdirSync(dirname(entry)).filter((name) => /\.m?js$/.test(name))
  return files.reduce((sum, name) => sum + statSync(join(dirname(entry), name)).size, 0)
}
