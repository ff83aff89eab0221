import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Answers the data of a call of the SDK; fails on an error. */
export async function ok<T>(call: Promise<{ data: T | null; error: unknown }>): Promise<T> {
  const { data, error } = await call
  assert.equal(error, null)
  return data as T
}

/** Repeats `ask` until it answers. Fails after `seconds`. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, seconds = 15): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
  }
  throw new Error(`waited ${seconds} s for ${what}`)
}
