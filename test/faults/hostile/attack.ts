/** What the attacks of a hostile hour share: their target, and a count of how they are answered. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'

export type Target = {
  readonly url: string
  readonly smtpPort: number
  /** Keys of the account `mallory`, which is the attacker's own: one with `sending_access` and one with `full_access`. */
  readonly sendingKey: string
  readonly fullKey: string
}
/** A message that was answered 200 or 250. */
export type Acknowledged = {
  readonly owner: 'ada' | 'mallory'
  readonly direction: 'sent' | 'received'
  readonly id: string
  /** Of the message, if it is a large one. */
  readonly bytes?: number
}
export type Battle = {
  readonly target: Target
  readonly random: () => number
  /** Aborts when the attack must end. */
  readonly signal: AbortSignal
  readonly acknowledged: (message: Acknowledged) => void
  /** Counts an answer: a status, a reply code or `lost`. */
  readonly answered: (code: string | number) => void
}
/** Attacks until the signal aborts. */
export type Attack = (battle: Battle) => Promise<void>

export const ADA = 'ada@kabutar.test'
export const MALLORY = 'eve@mallory.test'

export const pick = <T>(values: readonly T[], random: () => number): T => values[Math.floor(random() * values.length)]!

/** Runs `work` in `loops` loops, each until the signal aborts. What it throws counts as a lost answer. */
export async function repeat(loops: number, { signal, answered }: Battle, work: (loop: number) => Promise<unknown>) {
  const loop = async (n: number) => {
    while (!signal.aborted) {
      try {
        await work(n)
      } catch (error) {
        answered(/^(\d{3}) /.exec((error as Error).message)?.[1] ?? 'lost')
        await pause(100, signal)
      }
    }
  }
  await Promise.all(Array.from({ length: loops }, (_, n) => loop(n)))
}

/** Waits, or less if the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

export type Ask = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly key?: string
  readonly body?: string | Buffer
}
export type Answer = { readonly status: number; readonly body: Record<string, unknown> }
export type Client = AsyncDisposable & { ask(path: string, options?: Ask): Promise<Answer> }

/** Asks from an address of its own, up to `connections` requests at once. Each answer is counted. */
export function openClient({ target, signal, answered }: Battle, connections: number): Client {
  const agent = new Agent({ connect: { localAddress: '127.4.0.1' }, connections, pipelining: 1 })
  return {
    async ask(path, { method = 'GET', key = '', body } = {}) {
      const answer = await request(new URL(path, target.url), {
        dispatcher: agent,
        method,
        signal,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body }),
      })
      const text = await answer.body.text()
      answered(answer.statusCode)
      return { status: answer.statusCode, body: text.startsWith('{') ? JSON.parse(text) : {} }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

/** Posts a message of the attacker, and notes its id if it is accepted. */
export async function submit(battle: Battle, client: Client, body: string | Buffer): Promise<void> {
  const answer = await client.ask('/emails', { method: 'POST', key: battle.target.sendingKey, body })
  if (answer.status === 200)
    battle.acknowledged({ owner: 'mallory', direction: 'sent', id: String(answer.body.id), bytes: body.length })
}
