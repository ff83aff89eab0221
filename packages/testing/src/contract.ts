/** Helpers of the contract tests of the ports. */
import { test } from 'node:test'
import { type Item, StoreError, type Write } from '@kabutar/core/ports/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'

const TRIES = 60
const PAUSE_MS = 50

/** Runs `check` until it passes, for at most 3 seconds; then throws its last error. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt < TRIES; attempt++) {
    try {
      return await check()
    } catch {
      await systemClock.sleep(PAUSE_MS)
    }
  }
  await check()
}

/** 'ok', or the code of the refusal and the writes it names. */
export async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'ok'
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return [error.code, ...error.failed].join(' ')
  }
}

export const put = (pk: string, sk: string, attrs: object = {}): Write => ({
  kind: 'put',
  item: { pk, sk, ...attrs } as Item,
})

export const putNew = (pk: string, sk: string, attrs: object = {}): Write => ({
  kind: 'put',
  item: { pk, sk, ...attrs } as Item,
  if: [{ exists: false }],
})

export const seconds = (): number => Math.floor(Date.now() / 1000)

/** Why tests are left out, by the name of the test. */
export type Skips = { readonly [test: string]: string }
export type TestFunction = (name: string, run: () => Promise<void>) => void

export function testUnless(skips: Skips): TestFunction {
  return (name, run) => void test(name, { skip: skips[name] ?? false }, run)
}
