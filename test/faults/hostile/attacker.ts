/**
 * Runs every attack in turn, several at once, in a process of its own, until the parent sends a message. Tells the parent
 * what begins, what was acknowledged, and at the end how each attack was answered. Argument: an `Orders` as JSON.
 */
import { setMaxListeners } from 'node:events'
import { seeded } from '@kabutar/testing/faults.ts'
import { type Acknowledged, type Attack, pause, type Target } from './attack.ts'
import { HTTP_ATTACKS } from './http-attacks.ts'
import { SMTP_ATTACKS } from './smtp-attacks.ts'

export type Orders = {
  readonly target: Target
  readonly seed: number
  /** So many attacks run at once. */
  readonly lanes: number
  /** The shortest and the longest time of one attack. */
  readonly turnMs: readonly [number, number]
  /** Attacks whose name has this text. @default all */
  readonly only?: string
}
export type Told =
  | { readonly kind: 'acknowledged'; readonly message: Acknowledged }
  | { readonly kind: 'turns'; readonly names: readonly string[] }
  | { readonly kind: 'over'; readonly tallies: readonly Tally[] }
export type Tally = { readonly name: string; turns: number; readonly answers: Record<string, number> }

const { target, seed, lanes, turnMs, only = '' } = JSON.parse(process.argv[2] ?? '{}') as Orders
const ATTACKS: readonly (readonly [string, Attack])[] = Object.entries({ ...SMTP_ATTACKS, ...HTTP_ATTACKS }).filter(
  ([name]) => name.includes(only),
)
const random = seeded(seed)
const tallies = new Map<string, Tally>(ATTACKS.map(([name]) => [name, { name, turns: 0, answers: {} }]))
const running = new Set<string>()
const war = new AbortController()
setMaxListeners(0, war.signal)

const tell = (told: Told) => process.send?.(told)

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ value }) => value)
}

async function takeTurn([name, attack]: readonly [string, Attack]): Promise<void> {
  const tally = tallies.get(name)!
  tally.turns++
  const [shortest, longest] = turnMs
  const turn = new AbortController()
  setMaxListeners(0, turn.signal)
  running.add(name)
  tell({ kind: 'turns', names: [...running] })
  const attacking = attack({
    target,
    random,
    signal: turn.signal,
    acknowledged: (message) => tell({ kind: 'acknowledged', message }),
    answered(code) {
      tally.answers[code] = (tally.answers[code] ?? 0) + 1
    },
  }).catch((error: Error) => {
    tally.answers[error.message] = (tally.answers[error.message] ?? 0) + 1
  })
  await pause(shortest + (longest - shortest) * random(), war.signal)
  turn.abort()
  await attacking
  running.delete(name)
  tell({ kind: 'turns', names: [...running] })
}

async function lane(order: (readonly [string, Attack])[]): Promise<void> {
  while (!war.signal.aborted) {
    if (order.length === 0) order.push(...shuffled(ATTACKS))
    await takeTurn(order.pop()!)
  }
}

process.once('message', () => war.abort())
process.on('disconnect', () => process.exit())
const order = shuffled(ATTACKS)
await Promise.all(Array.from({ length: lanes }, () => lane(order)))
tell({ kind: 'over', tallies: [...tallies.values()] })
