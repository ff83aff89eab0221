import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { JobError } from '@kabutar/core/ports/compute.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { silent } from '@kabutar/testing/sending-rig.ts'
import { ENVIRONMENT, EXIT, FAIL, FILL, REVERSED, SPIN, WHERE } from '@kabutar/testing/thread-jobs.ts'
import { type ComputePool, computePool } from './compute-pool.ts'

const script = new URL('../../testing/src/thread-jobs.ts', import.meta.url).pathname
const LARGE = 10
const here = 0

async function withPool(options: object, use: (pool: ComputePool) => Promise<void>): Promise<void> {
  const pool = computePool(systemClock, silent, { script, ...options })
  try {
    await use(pool)
  } finally {
    await pool.close()
  }
}

describe('the pool', () => {
  test('runs large jobs in threads and small ones at once', () =>
    withPool({}, async (pool) => {
      assert.equal(await pool.run(WHERE, '', LARGE - 1), here)
      const threads = await Promise.all(Array.from({ length: 9 }, () => pool.run(WHERE, '', LARGE)))
      assert.ok(!threads.includes(here))
      assert.ok(new Set(threads).size <= 2, `${threads}`)
    }))

  test('moves bytes that are given away, copies others, and answers bytes', () =>
    withPool({}, async (pool) => {
      const bytes = Uint8Array.of(1, 2, 3)
      assert.deepEqual(await pool.run(REVERSED, bytes, LARGE), Uint8Array.of(3, 2, 1))
      assert.equal(bytes.byteLength, 3)
      assert.deepEqual(await pool.run(REVERSED, bytes, LARGE, [bytes, bytes]), Uint8Array.of(3, 2, 1))
      assert.equal(bytes.byteLength, 0)
      // Short buffers are parts of one that Node keeps for all.
      const pooled = Buffer.from('abc')
      assert.deepEqual(await pool.run(REVERSED, pooled, LARGE, [pooled]), new Uint8Array(Buffer.from('cba')))
      assert.equal(pooled.toString(), 'abc')
    }))

  test('passes on what a job throws', () =>
    withPool({}, async (pool) => {
      await assert.rejects(pool.run(FAIL, 'too long a word', LARGE), { message: 'too long a word' })
      await assert.rejects(pool.run(FAIL, 'too long a word', 0), TypeError)
    }))

  for (const { name, job, says } of [
    { name: 'takes too long', job: SPIN, says: /spin took too long/ },
    { name: 'takes too much memory', job: FILL, says: /fill took too much memory/ },
    { name: 'ends its thread', job: EXIT, says: /exit took too long/ },
  ])
    test(`rejects a job that ${name}, and goes on with another thread`, () =>
      withPool({ limitMs: job === FILL ? 60_000 : 3000, maxHeapMb: 16 }, async (pool) => {
        const failed = (job === SPIN ? [job, job] : [job]).map((one) => pool.run(one as typeof SPIN, '', LARGE))
        const next = pool.run(WHERE, '', LARGE)
        for (const one of failed) {
          await assert.rejects(one, (error) => error instanceof JobError && says.test(error.message))
        }
        assert.notEqual(await next, here)
      }))

  test('refuses jobs when as many wait as may, and when it is closed', () =>
    withPool({ maxWaiting: 1 }, async (pool) => {
      const running = [pool.run(SPIN, '', LARGE), pool.run(SPIN, '', LARGE), pool.run(SPIN, '', LARGE)]
      for (const one of running) one.catch(() => undefined)
      await assert.rejects(pool.run(WHERE, '', LARGE), { code: 'busy' })
      assert.equal(await pool.run(WHERE, '', 0), here)
      await pool.close()
      for (const one of running) await assert.rejects(one, { code: 'busy' })
      await assert.rejects(pool.run(WHERE, '', LARGE), { code: 'busy' })
    }))

  test('shows its threads no settings', () =>
    withPool({}, async (pool) => assert.equal(await pool.run(ENVIRONMENT, '', LARGE), '{}')))
})

test('the threads of the server know every job', () => {
  const root = join(import.meta.dirname, '../../..')
  const sources = globSync('packages/{core,http,local,aws,mail}/src/**/*.ts', { cwd: root })
  const jobs = sources.flatMap((path) =>
    [...readFileSync(join(root, path), 'utf8').matchAll(/^export const (\w+): Job</gm)].map(([, name]) => name),
  )
  const thread = readFileSync(join(import.meta.dirname, 'compute-thread.ts'), 'utf8')
  assert.ok(jobs.length >= 9)
  for (const name of jobs) assert.match(thread, new RegExp(`^  ${name},$`, 'm'))
})
