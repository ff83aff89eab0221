import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What `npm start` tells V8: tests and benchmarks of the server run it as users do. */
export const V8_FLAGS = flagsOf(join(import.meta.dirname, '../../../package.json'))

function flagsOf(manifest: string): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(manifest, 'utf8')) as { scripts: { start: string } }
  const [, ...words] = scripts.start.split(' ')
  return words.slice(0, words.indexOf('--import'))
}
