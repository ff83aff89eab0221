import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { init, parse } from 'es-module-lexer'

await init

/** The files that a bundle loads before its first event: itself and what it imports, but not what is behind `import()`. */
export function filesAtStart(entry: string): readonly string[] {
  const found = new Set([entry])
  for (const file of found) {
    for (const one of parse(readFileSync(file, 'utf8'))[0]) {
      if (one.type === 'static' && one.specifier?.startsWith('./')) found.add(join(dirname(file), one.specifier))
    }
  }
  return [...found]
}

export function bytesAtStart(entry: string): number {
  return filesAtStart(entry).reduce((sum, file) => sum + statSync(file).size, 0)
}

/** All that is uploaded for a function but its source maps. */
export function bytesInAll(entry: string): number {
  const files = readdirSync(dirname(entry)).filter((name) => /\.m?js$/.test(name))
  return files.reduce((sum, name) => sum + statSync(join(dirname(entry), name)).size, 0)
}
