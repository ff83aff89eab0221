/** Collects over all flow tests, which are processes of their own, the actions that each function called. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

const FILE = resolve(import.meta.dirname, '../../.cache/aws/used-actions.jsonl')

type Line = { readonly handler: string; readonly actions: readonly string[] }

export function noteUsed(handler: string, actions: readonly string[]): void {
  mkdirSync(dirname(FILE), { recursive: true })
  appendFileSync(FILE, `${JSON.stringify({ handler, actions } satisfies Line)}\n`)
}

/** Answers the actions by handler. @throws {Error} if no flow test has run since the file was deleted */
export function usedByHandler(): ReadonlyMap<string, ReadonlySet<string>> {
  if (!existsSync(FILE)) throw new Error('run `npm run test:aws:flows` first')
  const lines = readFileSync(FILE, 'utf8').split('\n').filter(Boolean)
  const used = new Map<string, Set<string>>()
  for (const line of lines) {
    const { handler, actions } = JSON.parse(line) as Line
    const known = used.get(handler) ?? new Set()
    for (const action of actions) known.add(action)
    used.set(handler, known)
  }
  return used
}
