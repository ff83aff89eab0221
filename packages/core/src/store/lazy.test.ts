import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lazy } from './lazy.ts'

test('a load that failed is forgotten, and one that succeeded is kept', async () => {
  let loads = 0
  const load = lazy(async () => {
    if (++loads === 1) throw new Error('too many open files')
    return loads
  })
  await assert.rejects(load(), /too many open files/)
  assert.deepEqual([await load(), await load()], [2, 2])
})
