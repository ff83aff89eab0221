import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, ApiError } from './client.ts'
import { startLive } from './live.ts'
import type { Changes } from './messages.ts'

const changes = (cursor: string, more: Partial<Changes> = {}): Changes => ({
  data: [],
  deleted: [],
  cursor,
  reset: false,
  ...more,
})

/** Follows an API that gives `answers` in turn and then waits for ever. Time passes at once, and is written down. */
async function follow(...answers: readonly (Changes | ApiError)[]) {
  const asked: unknown[] = []
  const slept: number[] = []
  const seen: string[] = []
  const left = [...answers]
  const get = async (_path: string, query?: { readonly after?: string | number | undefined }) => {
    asked.push(query?.after)
    const answer = left.shift()
    if (answer === undefined) return await new Promise<never>(() => undefined)
    if (answer instanceof ApiError) throw answer
    return answer
  }
  const browser = {
    setTimeout: ((act: () => void, ms: number) => {
      slept.push(ms)
      queueMicrotask(act)
      return 0
    }) as Window['setTimeout'],
    navigator: {} as Navigator,
  }
  const live = startLive({
    api: { get } as unknown as Api,
    account: crypto.randomUUID(),
    cursor: 'start',
    browser,
    changed: ({ cursor }) => seen.push(cursor),
  })
  await new Promise((resolve) => setImmediate(resolve))
  live.stop()
  return { asked, slept, seen, state: live.state.value }
}

test('asks for changes after those that it has', async () => {
  const { asked, seen, state } = await follow(changes('a'), changes('b'))
  assert.deepEqual([asked, seen, state], [['start', 'a', 'b'], ['a', 'b'], 'live'])
})

test('waits as long as a server asks that does not wait itself', async () => {
  const { slept, asked } = await follow(changes('a', { retry_ms: 3000 }))
  assert.deepEqual([slept, asked], [[3000], ['start', 'a']])
})

test('tries again ever later while the server does not answer, from where it was', async () => {
  const lost = new ApiError(0, 'unreachable', 'x')
  const { asked, slept, state } = await follow(changes('a'), lost, lost, lost)
  assert.deepEqual([asked, slept, state], [['start', 'a', 'a', 'a', 'a'], [500, 1000, 2000], 'retrying'])
})

test('says that the server is not reachable once it did not answer three times', async () => {
  const lost = new ApiError(0, 'unreachable', 'x')
  const states = [1, 2, 3, 4].map(async (count) => (await follow(...Array(count).fill(lost))).state)
  assert.deepEqual(await Promise.all(states), ['catching-up', 'catching-up', 'retrying', 'retrying'])
})

test('ends when the session has ended', async () => {
  const { asked } = await follow(new ApiError(401, 'missing_api_key', 'x'), changes('a'))
  assert.deepEqual(asked, ['start'])
})
